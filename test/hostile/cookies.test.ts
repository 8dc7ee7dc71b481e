/** No session is readable without its signed cookie, and none begins under an id that a client brought. */
import { sign } from 'cookie-signature'
import t from 'tap'
import { request } from 'undici'
import { partitionOf } from '../../lib/replication/ids.js'
import { visit } from '../support/visitor.js'
import { SECRETS, underAttack } from './attacked.js'

const NAME = 'sid'
const [NEW, OLD] = SECRETS
const cookieOf = (id: string, secret: string) => `s%3A${encodeURIComponent(sign(id, secret))}`

const attacked = await underAttack(t, { session: { name: NAME, indexes: { secret: 'secret' } } })
const { url, canary, cluster } = attacked

/** What a bearer of cookies is told, and whether a new session cookie came with it. */
async function ask(path: string, cookie: string) {
  const response = await request(`${url}${path}`, { headers: { cookie } })
  const body = await response.body.text()
  const set = [response.headers['set-cookie'] ?? []].flat().find(line => line.startsWith(`${NAME}=`))
  return { status: response.statusCode, body, id: set === undefined ? null : idIn(set) }
}

function idIn(cookie: string): string {
  const value = decodeURIComponent(cookie.slice(NAME.length + 1).split(';')[0] ?? '')
  return value.slice(2, value.lastIndexOf('.'))
}

/** A visitor whose session holds a secret. */
async function victim() {
  const visitor = visit(t, url)
  await visitor.get('/canary?nonce=n&secret=of-the-victim')
  const cookie = visitor.cookies.get(NAME) ?? ''
  return { cookie, id: idIn(`${NAME}=${cookie}`) }
}

t.test(
  'a cookie opens its session when it is whole and signed by a listed secret, and only then',
  async t => {
    const { cookie, id } = await victim()
    const plain = decodeURIComponent(cookie)
    const mac = plain.slice(plain.lastIndexOf('.') + 1)
    const good = {
      whole: cookie,
      decoded: plain,
      'an old secret': cookieOf(id, OLD),
    }
    for (const [name, value] of Object.entries(good)) {
      t.match((await ask('/peek', `${NAME}=${value}`)).body, /of-the-victim/, name)
    }
    const bad: Record<string, string> = {
      'no signature': `s%3A${id}`,
      'an empty signature': `s%3A${id}.`,
      'unsigned and without a mark': id,
      'a signature of another id': `s%3A${id}.${sign('other', NEW).split('.')[1]}`,
      'a secret that is not listed': cookieOf(id, 'another secret'),
      'an empty secret': cookieOf(id, ' '),
      'the signature cut by one': cookie.slice(0, -1),
      'the signature longer by one': `${cookie}A`,
      'the signature in other letters': `s%3A${id}.${mac.toLowerCase()}`,
      'the id cut by one': `s%3A${id.slice(1)}.${mac}`,
      'the id in other letters': `s%3A${id.toLowerCase()}.${mac}`,
      'a NUL after the id': `s%3A${id}%00.${mac}`,
      'a blank after the id': `s%3A${id}%20.${mac}`,
      'in quotes': `"${plain}"`,
      'signed twice': `s%3As%3A${id}.${mac}`,
      'a JSON cookie': `j%3A${JSON.stringify({ id })}`,
    }
    for (const [name, value] of Object.entries(bad)) {
      const { body, status } = await ask('/peek', `${NAME}=${value}`)
      t.equal(status, 200, name)
      t.notMatch(body, 'of-the-victim', name)
    }
    t.match(
      (await ask('/peek', `${NAME.toUpperCase()}=${cookie}`)).body,
      /^((?!of-the-victim).)*$/,
      'another name',
    )
  },
)

t.test('of several cookies the first that is signed counts, wherever its session is', async t => {
  const { cookie, id } = await victim()
  const forged = Array.from({ length: 5 }, (_, index) => `${NAME}=s%3Aforged-${index}.${'A'.repeat(43)}`)
  t.match((await ask('/peek', [...forged, `${NAME}=${cookie}`].join('; '))).body, /of-the-victim/)
  const elsewhere = idOf(other => partitionOf(other) !== partitionOf(id))
  t.match((await ask('/peek', `${NAME}=s%3A${elsewhere}.x; ${NAME}=${cookie}`)).body, /of-the-victim/)
})

t.test('an unknown id is never adopted, not even one that is correctly signed', async t => {
  const ids = {
    'well-formed': idOf(() => true),
    'of one letter': 'a',
    'of 256 letters': 'a'.repeat(256),
    'of 257 letters': 'a'.repeat(257),
    'of 3,000 letters': 'a'.repeat(3_000),
    'of 256 letters and 512 bytes': 'ä'.repeat(256),
    'with NUL': 'a\0b',
    'with line feeds': 'a\r\nSet-Cookie: x=y',
    'with a slash': '../a',
    'with a colon': '{troupe}:a',
    'of Object.prototype': '__proto__',
    'a constructor': 'constructor',
    'of an index record': '#secret:of-the-victim',
    'an index record alone': '#',
  }
  for (const secret of SECRETS) {
    for (const [name, id] of Object.entries(ids)) {
      const cookie = `${NAME}=${cookieOf(id, secret)}`
      const begun = await ask('/canary?nonce=n&secret=mine', cookie)
      t.equal(begun.status, 200, name)
      t.match(begun.body, '"turns":1', `${name}: nothing was there`)
      t.match(begun.id, /^[\w-]{32}$/, `${name}: a fresh id`)
      t.not(begun.id, id)
      t.equal((await ask('/peek', cookie)).body.includes('mine'), false, `${name}: nor afterwards`)
    }
  }
})

t.test('a destroyed session stays destroyed for whoever still has its cookie', async t => {
  const { cookie, id } = await victim()
  await cluster.sessions.destroy(id)
  const { body, id: fresh } = await ask('/canary?nonce=n&secret=mine', `${NAME}=${cookie}`)
  t.match(body, '"turns":1')
  t.not(fresh, id)
})

t.test('index records can be named neither by a call nor in a search', async t => {
  await victim()
  const refused = { code: 'SESSION_CALL_INVALID' }
  await t.rejects(cluster.sessions.get('#secret:of-the-victim'), refused)
  await t.rejects(cluster.sessions.destroy('#secret:of-the-victim'), refused)
  for await (const id of cluster.sessions.ids()) t.notMatch(id, /^#/)
})

t.test('nobody else noticed', async t => {
  await canary.turn()
  t.same(canary.harm, [])
})

let drawn = 0

/** An id of the form that Troupe gives them, which no session has. */
function idOf(fits: (id: string) => boolean): string {
  for (;;) {
    const id = `unknown${String(drawn++).padStart(25, '0')}`
    if (fits(id)) return id
  }
}
