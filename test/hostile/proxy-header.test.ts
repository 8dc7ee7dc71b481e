/** What stands where a PROXY header should: closed without a word, and the corpus behind a right one is as without. */
import t from 'tap'
import { provoke } from './answers.js'
import { underAttack } from './attacked.js'
import { AFTER } from './corpus/case.js'
import { FRAMING } from './corpus/framing.js'
import { outcomeOf, runCase } from './run-case.js'

const SIGNATURE = '\r\n\r\n\0\r\nQUIT\n'
const RIGHT = 'PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n'

const attacked = await underAttack(t, { listen: { also: [{ port: 0, proxyProtocol: true }] } })
const port = Number(new URL(attacked.cluster.urls[1] ?? '').port)

t.test('what is no PROXY header is closed without a word', async t => {
  const garbage = {
    'no header': AFTER,
    'an unknown family': `PROXY TCP5 192.0.2.1 192.0.2.2 1 2\r\n${AFTER}`,
    'an address that is none': `PROXY TCP4 192.0.2.256 192.0.2.2 1 2\r\n${AFTER}`,
    'a port beyond 65535': `PROXY TCP4 192.0.2.1 192.0.2.2 1 65536\r\n${AFTER}`,
    'a line ended by LF alone': `PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n${AFTER}`,
    'a line without an end': `PROXY ${'x'.repeat(1_000)}`,
    'NUL in an address': `PROXY TCP4 192.0.2.1\0 192.0.2.2 1 2\r\n${AFTER}`,
    'version 2 of another version': `${SIGNATURE}\x31\x11\x00\x0c${'\0'.repeat(12)}${AFTER}`,
    'version 2 shorter than its addresses': `${SIGNATURE}\x21\x11\x00\x04${'\0'.repeat(4)}${AFTER}`,
    'version 2 longer than is taken': `${SIGNATURE}\x21\x11\xff\xff${AFTER}`,
    'the beginning of a header': 'PROXY TCP4 192.',
    'the beginning of version 2': SIGNATURE.slice(0, 8),
    nothing: '',
  }
  for (const [name, bytes] of Object.entries(garbage)) {
    const { answers, rest, closed } = await provoke(port, [bytes])
    t.same({ answers, rest, closed }, { answers: [], rest: '', closed: true }, name)
  }
  t.same(attacked.parsed, [])
})

t.test('a second PROXY header is no request', async t => {
  const { answers } = await provoke(port, [`${RIGHT}${RIGHT}${AFTER}`])
  t.match(answers, [{ status: 400 }])
  t.same(attacked.parsed, [])
})

t.test('behind a right one framing is what it is without', async t => {
  for (const hostile of FRAMING) {
    const { outcome, heads } = await runCase(attacked, hostile, pieces => provoke(port, [RIGHT, ...pieces]))
    t.ok(heads && hostile.outcomes.some(each => outcomeOf(each) === outcome), `${hostile.name}: ${outcome}`)
  }
})

t.test('nobody else noticed', async t => {
  await attacked.canary.turn()
  t.same(attacked.canary.harm, [])
})
