/** What a thread prints becomes messages: at any size of its writes, and not faster than the director can afford. */
import { PassThrough } from 'node:stream'
import t from 'tap'
import { passOutput, prefixedOutput } from '../../../lib/director/logs/actor-output.js'

function thread() {
  const streams = { stdout: new PassThrough(), stderr: new PassThrough() }
  const messages: string[] = []
  const rest = passOutput('web-1', streams, (actor, stream, text) =>
    messages.push(`${actor} ${stream} ${text}`),
  )
  const end = async () => {
    streams.stdout.end()
    streams.stderr.end()
    await rest()
  }
  return { ...streams, messages, end }
}

t.test('a character that is cut in two by writes is put together again', async t => {
  const { stdout, messages, end } = thread()
  const bytes = Buffer.from('grün €\n')
  for (const byte of bytes) stdout.write(Buffer.of(byte))
  await end()
  t.same(messages, ['web-1 stdout grün €'])
})

t.test('a line that never ends is passed on in pieces, nothing missing', async t => {
  const { stdout, messages, end } = thread()
  const text = 'abcdefghij'.repeat(20_000)
  for (let at = 0; at < text.length; at += 1_000) stdout.write(text.slice(at, at + 1_000))
  await end()
  const pieces = messages.map(message => message.slice('web-1 stdout '.length))
  t.equal(pieces.join(''), text)
  t.ok(pieces.length > 1)
  t.ok(pieces.every(piece => piece.length <= 66_000))
})

t.test(
  'a thread that prints faster than is read is slowed down, and what is left when it ends is read at once',
  async t => {
    const { stdout, messages, end } = thread()
    const line = `${'x'.repeat(1023)}\n`
    for (let lines = 0; lines < 2_048; lines++) stdout.write(line)
    while (!stdout.isPaused()) await new Promise(setImmediate)
    t.ok(messages.length < 1_024, `${messages.length} lines of 2048`)
    await end()
    t.equal(messages.length, 2_048)
  },
)

t.test('a flood of short lines is slowed down as well', async t => {
  const { stdout, messages, end } = thread()
  for (let lines = 0; lines < 20_000; lines++) stdout.write('x\n')
  while (!stdout.isPaused()) await new Promise(setImmediate)
  t.ok(messages.length < 5_000, `${messages.length} lines of 20000`)
  await end()
  t.equal(messages.length, 20_000)
})

t.test('lines for people have the name before each, a stack too', async t => {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()]
  const output = prefixedOutput({ stdout, stderr })
  output('web-1', 'stderr', 'Error: no\n    at here')
  output('web-2', 'stdout', 'yes')
  t.equal(String(stderr.read()), 'web-1 | Error: no\nweb-1 |     at here\n')
  t.equal(String(stdout.read()), 'web-2 | yes\n')
})
