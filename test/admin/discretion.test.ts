/** What a real cluster tells of itself, looked through for what nobody may see. */
import { request as httpRequest } from 'node:http'
import { join } from 'node:path'
import t from 'tap'
import { startCluster } from '../support/cluster.js'
import { until } from '../support/until.js'
import { visit } from '../support/visitor.js'

t.setTimeout(60_000)

const SECRET = 'the secret that signs all cookies'
const TOKEN = 'the-token-of-the-admin-listener-of-this-test'
const DATA = 'what-the-visitor-has-in-the-cart'
const APP = `export default (request, response) => {
  request.session.cart = ${JSON.stringify(DATA)}
  response.end(request.session.id)
}`

/** Reads a path until the condition holds, which for a stream of events is not its end. */
function read(url: string, isEnough: (text: string) => boolean): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = httpRequest(url, { headers: { authorization: `Bearer ${TOKEN}` } }, response => {
      let text = ''
      response.on('data', chunk => {
        text += chunk
        if (!isEnough(text)) return
        sent.destroy()
        resolve(text)
      })
      response.on('end', () => resolve(text))
    })
    sent.on('error', reject).end()
  })
}

t.test('what an operator sees holds no id, cookie, secret or data of a session', async t => {
  const cluster = await startCluster(t, {
    app: join(t.testdir({ 'app.mjs': APP }), 'app.mjs'),
    session: { name: 'sid', secret: SECRET },
    admin: { port: 0, token: TOKEN },
    log: { requests: true },
  })
  const visitor = visit(t, cluster.url)
  const id = (await visitor.get('/')).text
  const cookie = visitor.cookies.get('sid') ?? ''
  t.ok(id.length === 32 && cookie.includes(id), 'the visitor has a session')
  const [owner = ''] = (await cluster.status()).webServers.filter(({ sessions }) => sessions > 0).map(nameOf)
  await cluster.lose(owner)
  t.equal((await visitor.get('/')).text, id, 'it was taken over')
  await until(() => cluster.logged.some(({ msg }) => msg === 'request'))

  const seen: Record<string, string> = { log: JSON.stringify(cluster.logged) }
  for (const path of ['/status', '/measures', '/metrics', '/partitions', '/sessions']) {
    seen[path] = await read(`${cluster.adminUrl}${path}`, () => false)
    t.ok((seen[path]?.length ?? 0) > 100, path)
  }
  seen['/events'] = await read(`${cluster.adminUrl}/events`, text => text.includes(owner))
  const signature = cookie.slice(cookie.lastIndexOf('.') + 1)
  for (const [where, text] of Object.entries(seen)) {
    for (const secret of [id, signature, SECRET, TOKEN, DATA]) t.notOk(text.includes(secret), where)
  }
})

function nameOf({ name }: { readonly name: string }): string {
  return name
}
