/** What every exchange of a web server is given. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { BatchedPort } from '../../transport/batched-port.js'
import type {
  ExchangeId,
  FromWebServer,
  RequestHead,
  ToWebServer,
} from '../../transport/exchange-messages.js'
import type { SessionOpener } from '../sessions/session-use.js'
import type { MessageMaker } from './message-prototypes.js'
import type { ProxyTrust } from './proxy-trust.js'

/** The user's app. Whatever it returns is only looked at for a rejection. */
export type AppListener = (req: IncomingMessage, res: ServerResponse) => unknown

/** The app's http.Server as far as tunnels go: it never listens, but gets the events. */
export type AppServer = Pick<Server, 'emit' | 'listenerCount' | 'on'>

/** What all exchanges of one web server share. */
export interface ExchangeContext {
  readonly port: BatchedPort<ToWebServer, FromWebServer>
  readonly sessions: SessionOpener
  readonly handle: AppListener
  readonly server: AppServer
  /** Makes the app's requests and responses. */
  readonly messages: MessageMaker
  /** What the Keep-Alive header announces, ms. */
  readonly keepAliveTimeoutMs: number
  /** Which proxies are believed; null for none. */
  readonly trust: ProxyTrust | null
  /** This web server's name for the x-served-by header, or null. */
  readonly servedBy: string | null
  /** A session could not be loaded, committed or copied for this request; the client has been told. */
  readonly onError: (error: unknown, head: RequestHead) => void
  /** The app threw, or the promise it returned was rejected. */
  readonly onUncaught: (error: unknown) => void
  /** This exchange is over. */
  readonly onOver: (id: ExchangeId) => void
}
