/** The web host dies with all it knew of who holds what: the next one finds every session where it was. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { request } from 'undici'
import type { ClusterStatus } from '../../lib/director/cluster.js'
import { appFile } from '../support/cluster.js'
import { TestHost } from '../support/hosts/host.js'
import { onLoopback } from '../support/hosts/network.js'
import { until } from '../support/until.js'

const WEB = 'web-1'
const STORES = ['store-1', 'store-2', 'store-3']
const SESSIONS = 60

t.test(
  'a web host that is killed and started again finds every session, whichever session host it reaches first',
  { timeout: 120_000 },
  async t => {
    const network = onLoopback([WEB, ...STORES], 'none are needed')
    const configFile = join(t.testdir({}), 'troupe.json')
    const webPort = await network.freePort(WEB)
    const sessionServers = STORES.map(async (on, index) => {
      const name = 'abc'.charAt(index)
      return { name, on, port: await network.freePort(on), store: 'lmdb', path: `data/${name}` }
    })
    const config = {
      app: appFile('counter'),
      listen: { host: network.addressOf(WEB), port: webPort },
      hosts: Object.fromEntries([WEB, ...STORES].map(name => [name, network.addressOf(name)])),
      webServers: { on: WEB, threads: 2 },
      sessionServers: await Promise.all(sessionServers),
      // One copy each: whoever is overlooked takes its sessions with it.
      replication: { copies: 1 },
      session: { secret: 'a secret of this test only' },
      cluster: { key: 'a key of this test only, 32 or more characters' },
      admin: { port: 0 },
    }
    await writeFile(configFile, JSON.stringify(config))
    const run = (name: string) => {
      const host = new TestHost({ name, configFile, command: [], env: {} })
      t.teardown(() => host.kill())
      return host
    }
    const stores = STORES.map(run)
    const web = run(WEB)
    const url = `http://${network.addressOf(WEB)}:${webPort}`
    const send = async (path: string, cookie?: string) => {
      const { headers, body } = await request(
        `${url}${path}`,
        cookie === undefined ? {} : { headers: { cookie } },
      )
      return { text: await body.text(), cookie: headers['set-cookie']?.toString().split(';')[0] ?? '' }
    }
    await web.says('open ')
    const cookies: string[] = []
    for (let session = 0; session < SESSIONS; session++) cookies.push((await send('/')).cookie)
    await web.kill()
    web.logged.length = 0
    // The first of before is now the last.
    stores[0]?.signal('SIGSTOP')
    web.start()
    await until(() => web.logged.filter(({ msg }) => msg === 'session server started').length === 2)
    stores[0]?.signal('SIGCONT')
    const { adminUrl } = await web.says('open ')
    const status = async () => {
      const { body } = await request(`${adminUrl}/status`)
      return (await body.json()) as ClusterStatus
    }
    t.equal((await status()).sessionServers.filter(({ state }) => state === 'running').length, 3)
    for (const cookie of cookies) t.equal((await send('/read', cookie)).text, '1')
    await until(async () => (await status()).partitions.underCopied === 0)
    const held = (await status()).sessionServers.map(({ sessions }) => sessions)
    t.equal(
      held.reduce((sum, count) => sum + count),
      SESSIONS,
      `still one copy each: ${held.join(', ')}`,
    )
  },
)
