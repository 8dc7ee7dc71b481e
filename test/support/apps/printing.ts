/** An app that prints: what, the path says. */
import type { IncomingMessage, ServerResponse } from 'node:http'

export default function app(req: IncomingMessage, res: ServerResponse): void {
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
      for (let line = 0; line < 200_000; line++) console.log(`flood ${line} ${'x'.repeat(100)}`)
      break
    default:
      break
  }
  res.end(JSON.stringify(req.headers))
}
