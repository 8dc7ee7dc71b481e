/** docs/protocol.md says what the code does: its worked example, its codes, its limits. */
import { readFile } from 'node:fs/promises'
import t from 'tap'
import {
  answerMac,
  authorizationOf,
  digestOf,
  parseAuthorization,
} from '../../lib/session-server/protocol/signature.js'
import { PROTOCOL_VERSION } from '../../lib/session-server/protocol/version.js'
import { DEFAULT_LIMITS } from '../../lib/session-server/service/limits.js'
import { Nonces } from '../../lib/session-server/service/nonces.js'
import { TOLD_REFUSALS } from '../../lib/session-server/service/refusals.js'

const doc = await readFile(new URL('../../../docs/protocol.md', import.meta.url), 'utf8')

const SECRET = 'correct horse battery staple 0123456789'
const NONCE = 'AAECAwQFBgcICQoLDA0ODw'
const TIME = 1767225600000

t.test('the worked example is what the code signs', async t => {
  const [, body = ''] = /so two line feeds:\n\n```\n([^`]*)```/.exec(doc) ?? []
  t.match(body, /^\{"type":"claim".*\n\{"type":"read".*\n$/)
  const requests = [
    { method: 'GET', target: '/v1/health', body: '' },
    { method: 'POST', target: '/v1/servers/a/streams/oTkN0B3fUqgSTr1HbC5wXg/messages/1', body },
  ]
  for (const { method, target, body } of requests) {
    const digest = digestOf(body)
    const header = authorizationOf('main', SECRET, { method, target, time: TIME, nonce: NONCE, digest })
    const mac = parseAuthorization(header)?.mac ?? 'none'
    t.equal(header, `Troupe1 main ${TIME} ${NONCE} ${digest} ${mac}`)
    for (const part of [`${method} ${target}`, SECRET, String(TIME), NONCE, `\`${digest}\``, `\`${mac}\``]) {
      t.ok(doc.includes(part), part)
    }
  }
  const digest = digestOf('{"type":"found","call":7,"copies":[null]}\n')
  const mac = answerMac(SECRET, { nonce: NONCE, status: 200, index: 0, isLast: true, digest })
  t.ok(doc.includes(`# end ${mac}\n`))
  t.ok(doc.includes(`\`${digest}\``))
})

t.test('every code is documented with its status, and so are the version and the limits', async t => {
  for (const { status, code } of Object.values(TOLD_REFUSALS))
    t.ok(doc.includes(`| ${status} | \`${code}\` |`), code)
  t.ok(
    doc.startsWith(
      `# The protocol between hosts, version ${PROTOCOL_VERSION.major}.${PROTOCOL_VERSION.minor}\n`,
    ),
  )
  const { connections, requests, streams, nonces, bodyBytes, bufferedBytes } = DEFAULT_LIMITS
  const limits = [
    `| ${connections}, ${requests}, ${streams} |`,
    `| ${nonces.toLocaleString('en')} |`,
    `| ${bodyBytes / 2 ** 20} MiB (`,
    `| ${bufferedBytes / 2 ** 20} MiB |`,
    `"bodyBytes":${bodyBytes}}`,
  ]
  for (const limit of limits) t.ok(doc.includes(limit), limit)
})

t.test('a nonce is remembered while its time would pass, and forgotten after that', async t => {
  const windowMs = 1_000
  const nonces = new Nonces(windowMs, 2)
  t.equal(nonces.add('one', 10_900, 10_000), 'new')
  t.equal(nonces.add('one', 10_900, 11_900), 'seen', 'its time is still fresh')
  t.equal(nonces.add('two', 11_900, 11_900), 'new')
  t.equal(nonces.add('three', 11_900, 11_900), 'full')
  t.equal(nonces.add('three', 14_000, 14_000), 'new', 'the others are forgotten')
})
