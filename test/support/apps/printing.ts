/** An app that prints: what, the path says. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { setImmediate } from 'node:timers/promises'

export default async function app(req: IncomingMessage, res: ServerResponse): Promise<void> {
  switch (req.url) {
    case '/lines':
      console.log('one line')
      console.error(new Error('in several lines'))
      process.stdout.write('begun ')
      process.stdout.write('and ended\n')
      break
    case '/hang':
      console.log('before it hangs')
      console.log('last word')
      for (;;);
    case '/exit':
      console.log('before it exits')
      process.stdout.write('without a line feed')
      process.exit(3)
      break
    case '/flood':
      // In pieces, lest it count as a thread that hangs.
      for (let line = 0; line < 100_000; line++) {
        console.log(`flood ${line} ${'x'.repeat(100)}`)
        if (line % 5_000 === 0) await setImmediate()
      }
      break
    default:
      break
  }
  res.end(JSON.stringify(req.headers))
}
