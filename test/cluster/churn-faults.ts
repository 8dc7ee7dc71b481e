/** The faults of a churn, each at one actor: what is done, and to whom. */
import { request } from 'undici'
import type { Cluster } from '../../lib/director/cluster.js'
import type { Random } from '../simulation/random.js'
import { until } from '../support/until.js'

/** Which actors die. */
export type FaultKind = 'crash' | 'throw' | 'hang' | 'exhaust' | 'exit' | 'kill' | 'kill session server'

/** Every way in which an actor can die. */
export const ALL_FAULTS: readonly FaultKind[] = [
  'crash',
  'throw',
  'hang',
  'exhaust',
  'exit',
  'kill',
  'kill session server',
]

/** Those of web servers. */
export const WEB_SERVER_FAULTS: readonly FaultKind[] = ALL_FAULTS.filter(
  kind => kind !== 'kill session server',
)

/** Paths of test/support/apps/counter.ts. POST, so that no fault is carried out a second time at the next owner. */
const PATHS = {
  crash: '/throw',
  throw: '/throw-now',
  hang: '/hang',
  exhaust: '/exhaust',
  exit: '/exit',
} as const

/** Requests in flight that make a kill worth its while. */
const BUSY_REQUESTS = 16

/** Commits one fault. Its own request may get any answer, or none. */
export async function commitFault(kind: FaultKind, cluster: Cluster, random: Random): Promise<void> {
  if (kind === 'kill' || kind === 'kill session server') {
    const { webServers, sessionServers } = await cluster.status()
    const victims = (kind === 'kill' ? webServers : sessionServers).map(({ name }) => name)
    const victim = random.pick(victims) ?? 'nobody'
    // Clients in a row are all served or all silent; a death between two rounds would prove little.
    await until(async () => (await cluster.status()).director.requestsInFlight >= BUSY_REQUESTS)
    return cluster.kill(victim)
  }
  const answer = await request(`${cluster.url}${PATHS[kind]}`, { method: 'POST' })
  await answer.body.dump()
}
