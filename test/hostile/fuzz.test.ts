/** A short run of the fuzzer; `npm run fuzz -- --seed N --runs N` is the long one. */
import t from 'tap'
import { underAttack } from './attacked.js'
import { fuzz } from './fuzz.js'
import { readStrictly } from './reference.js'

/** Always the same in CI, where nobody looks for what is new. */
const SEED = 20_261_124
const RUNS = 120

t.test('the strict reading tells requests apart', async t => {
  const get = 'GET /a HTTP/1.1\r\nHost: a\r\n\r\n'
  t.match(readStrictly(get + get), { requests: [{}, {}], end: 'valid' })
  t.match(readStrictly(`${get}\n\r${get}`), { requests: [{}, {}], end: 'valid' })
  t.match(readStrictly(`${get}GET /b`), { requests: [{}], end: 'incomplete' })
  t.match(readStrictly(`${get}GET\r\n\r\n`), { requests: [{}], end: 'invalid' })
  const post = 'POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n'
  t.match(readStrictly(`${post}5;x\r\nhello\r\n0\r\n\r\n`), { requests: [{ body: 'hello' }], end: 'valid' })
  t.match(readStrictly(`${post}5\r\nhell`), { end: 'incomplete', head: { target: '/a' } })
  t.match(readStrictly(`${post}4\r\nhello\r\n0\r\n\r\n`), { requests: [], end: 'invalid' })
})

t.test('generated requests are seen as they are, or not at all', async t => {
  const attacked = await underAttack(t)
  await fuzz(attacked, { seed: SEED, runs: RUNS })
  await attacked.canary.turn()
  t.same(attacked.canary.harm, [])
})
