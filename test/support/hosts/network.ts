/**
 * Hosts with addresses of their own. With the rights for it they are network namespaces behind a bridge in another one,
 * so that a host can be cut off; without, they are loopback addresses of this machine. Nothing else is touched.
 */
import { execFile } from 'node:child_process'
import { createServer } from 'node:net'
import { promisify } from 'node:util'
import { lacks } from '../programs.js'

const run = promisify(execFile)

/** A network of hosts. */
export interface TestNetwork {
  /** What it is made of, for people. */
  readonly description: string
  /** Whether hosts can be cut off. */
  readonly canCut: boolean
  addressOf(host: string): string
  /** @returns a free port of that host */
  freePort(host: string): Promise<number>
  /** What a command line begins with that is to run on that host. */
  commandOn(host: string): readonly string[]
  /** Packets of and to a host are dropped from now on. */
  cut(host: string): Promise<void>
  mend(host: string): Promise<void>
  /**
   * Packets to a host are late and some are lost from now on, until {@link TestNetwork.smooth}.
   * @returns by what: netem, or where the kernel has none, a queue too short for a rate too low
   */
  roughen(host: string): Promise<string>
  smooth(host: string): Promise<void>
  /** Removes whatever was made. */
  close(): Promise<void>
}

/** Makes a network of these hosts: namespaces if this machine lets it. @throws with CI=true when it has no `ip` */
export async function makeNetwork(hosts: readonly string[]): Promise<TestNetwork> {
  const lacksIp = lacks('ip')
  if (lacksIp !== null) return onLoopback(hosts, lacksIp)
  try {
    return await makeNamespaces(hosts)
  } catch (error) {
    return onLoopback(
      hosts,
      error instanceof Error ? (error.message.split('\n')[1] ?? error.message) : String(error),
    )
  }
}

/** Inside their own namespaces addresses can't collide with anything of this machine. */
const SUBNET = '10.213.0'
const PORT = 7400
/** Late by 10 to 50 ms, one of twenty lost. */
const NETEM = ['netem', 'delay', '30ms', '20ms', 'loss', '5%']
/** Up to a quarter of a second late, and lost whenever more than 16 KiB wait. */
const SHORT_QUEUE = ['tbf', 'rate', '512kbit', 'burst', '4kb', 'limit', '16kb']

async function makeNamespaces(hosts: readonly string[]): Promise<TestNetwork> {
  const prefix = `troupe-${process.pid}`
  const hub = `${prefix}-hub`
  const made: string[] = []
  const ip = (...args: string[]) => run('ip', args)
  const namespaceOf = (host: string) => `${prefix}-${host}`
  const addressOf = (host: string) => `${SUBNET}.${hosts.indexOf(host) + 1}`
  const plug = (host: string) => `plug${hosts.indexOf(host)}`
  const close = async () => {
    for (const namespace of made.splice(0)) await ip('netns', 'del', namespace)
  }
  const add = async (namespace: string) => {
    await ip('netns', 'add', namespace)
    made.push(namespace)
  }
  try {
    await add(hub)
    await ip('-n', hub, 'link', 'add', 'bridge', 'type', 'bridge')
    await ip('-n', hub, 'link', 'set', 'bridge', 'up')
    for (const host of hosts) {
      const namespace = namespaceOf(host)
      await add(namespace)
      await ip(
        'link',
        'add',
        plug(host),
        'netns',
        hub,
        'type',
        'veth',
        'peer',
        'name',
        'eth0',
        'netns',
        namespace,
      )
      await ip('-n', hub, 'link', 'set', plug(host), 'master', 'bridge', 'up')
      await ip('-n', namespace, 'addr', 'add', `${addressOf(host)}/24`, 'dev', 'eth0')
      await ip('-n', namespace, 'link', 'set', 'eth0', 'up')
      await ip('-n', namespace, 'link', 'set', 'lo', 'up')
    }
  } catch (error) {
    await close()
    throw error
  }
  const roughen = async (host: string) => {
    const queue = ['-n', hub, 'qdisc', 'replace', 'dev', plug(host), 'root']
    try {
      await run('tc', [...queue, ...NETEM])
      return NETEM.join(' ')
    } catch {
      await run('tc', [...queue, ...SHORT_QUEUE])
      return SHORT_QUEUE.join(' ')
    }
  }
  return {
    description: `network namespaces ${prefix}-*`,
    canCut: true,
    addressOf,
    freePort: async () => PORT,
    commandOn: host => ['ip', 'netns', 'exec', namespaceOf(host)],
    cut: async host => void (await ip('-n', hub, 'link', 'set', plug(host), 'down')),
    mend: async host => void (await ip('-n', hub, 'link', 'set', plug(host), 'up')),
    roughen,
    smooth: async host => void (await run('tc', ['-n', hub, 'qdisc', 'del', 'dev', plug(host), 'root'])),
    close,
  }
}

/** Makes loopback addresses of this machine the hosts. @param why there are no namespaces */
export function onLoopback(hosts: readonly string[], why: string): TestNetwork {
  const addressOf = (host: string) => `127.0.0.${hosts.indexOf(host) + 1}`
  const refuse = async () => {
    throw new Error('hosts on loopback can not be cut off')
  }
  return {
    description: `processes on loopback, since no namespaces can be made here (${why})`,
    canCut: false,
    addressOf,
    freePort: host => freePortAt(addressOf(host)),
    commandOn: () => [],
    cut: refuse,
    mend: refuse,
    roughen: refuse,
    smooth: refuse,
    close: async () => undefined,
  }
}

async function freePortAt(address: string): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, address, resolve))
  const found = server.address()
  await new Promise(resolve => server.close(resolve))
  if (found === null || typeof found === 'string') throw new Error('a TCP server has a port')
  return found.port
}
