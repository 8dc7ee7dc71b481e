/** Clusters of different shapes under the same churn. */
import type { ChurnOptions } from './churn.js'
import { WEB_SERVER_FAULTS } from './churn-faults.js'

/** What differs from the plain churn. */
export type ChurnVariant = Pick<ChurnOptions, 'kinds' | 'sessions' | 'config'>

/** By name, for `npm run churn -- --variant NAME`. */
export const VARIANTS: Readonly<Record<string, ChurnVariant>> = {
  plain: {},
  /** Every copy before each answer. */
  'acks-all': { config: { replication: { acks: 'all' } } },
  /** Disjoint subsets: the loss of a session server is not survived, that of a web server is. */
  'one-copy': { kinds: WEB_SERVER_FAULTS, config: { replication: { copies: 1 } } },
  /** Overlapping subsets. */
  'three-session-servers': {
    config: { sessionServers: [{ name: 'a' }, { name: 'b' }, { name: 'c' }], replication: { copies: 2 } },
  },
  'four-web-servers': { config: { webServers: { threads: 4 } } },
  /** 1024 sessions where about 65 fit into each web server's cache. */
  'tiny-cache': { sessions: 16, config: { cache: { maxBytes: '64kb' } } },
}
