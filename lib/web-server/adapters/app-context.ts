/** What apps are given by Troupe. */
import type { Sessions } from '../../transport/session-call-register.js'

/** What an app's `create` function is told. */
export interface AppContext {
  /** The name of the web server that the app runs in: `web-1`. Other web servers run the same app at the same time. */
  readonly name: string
  /** Base URL of the admin listener, null when there is none. */
  readonly adminUrl: string | null
  /** All sessions of the cluster: to list those of a user, say, or to end them. Not before the app is loaded. */
  readonly sessions: Sessions
  /**
   * Aborts when this web server is to be stopped or replaced: what would otherwise stay open for long, such as WebSockets
   * and event streams, had better end. What is still open when the time is over is closed.
   */
  readonly draining: AbortSignal
}
