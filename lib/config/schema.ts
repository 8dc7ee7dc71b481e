/** The validated configuration as the rest of Troupe sees it. (Types first; the zod schema produces exactly these.) */

/** Most web servers of one host. */
export const WEB_SERVERS_MAX = 256

/** Where the user's app is. */
export interface AppConfig {
  /** Absolute path of the app's module. */
  readonly file: string
}

/** `session`: cookies and lifetime. */
export interface SessionConfig {
  /** The first signs, all verify. */
  readonly secrets: readonly string[]
  /** Cookie name. */
  readonly name: string
  /** Lifetime without use, ms. */
  readonly ttlMs: number
  /** Largest session as JSON text, bytes. */
  readonly maxBytes: number
  /** Renew the cookie with every response. */
  readonly rolling: boolean
  /** What sessions can be found by: name of each index → path of a member, `account.tenant`. */
  readonly indexes: Readonly<Record<string, string>>
  /** What `req.session = null` does: drop what the request changed, or end the session. */
  readonly unset: 'keep' | 'destroy'
  readonly cookie: {
    readonly path: string
    readonly domain: string | null
    readonly httpOnly: boolean
    readonly secure: boolean | 'auto'
    readonly sameSite: 'lax' | 'strict' | 'none' | null
    readonly partitioned: boolean
    /** Lifetime of the cookie and, when set, of the session: ms; null makes a browser-session cookie. */
    readonly maxAgeMs: number | null
  }
}

/** Where a session server keeps its copies. */
export type StoreConfig =
  | { readonly kind: 'memory' }
  /** `path` is a folder, absolute. */
  | { readonly kind: 'lmdb'; readonly path: string }
  | { readonly kind: 'redis'; readonly urls: readonly string[]; readonly prefix: string }

/** `sessionServers[]`. */
export interface SessionServerConfig {
  readonly name: string
  /** The host that runs it; null on one machine, and for a Redis. */
  readonly on: string | null
  /** Where that host serves it; null when it has none, as on the web servers' host. */
  readonly port: number | null
  readonly store: StoreConfig
}

/** `cluster`: how hosts reach and trust each other. */
export interface ClusterConfig {
  /** The first signs, all verify; empty on one machine. */
  readonly keys: readonly { readonly id: string; readonly secret: string }[]
  /** PEM files, absolute paths. */
  readonly tls: { readonly ca: string; readonly cert: string; readonly key: string } | null
  /** Longest wait for an answer of another host before it counts as lost, ms. */
  readonly timeoutMs: number
}

/** Where one certificate is: PEM files, absolute paths. */
export interface CertificateFiles {
  /** Server names in lower case, `*.` for any one label; empty for the certificate of everybody else. */
  readonly names: readonly string[]
  readonly cert: string
  readonly key: string
  readonly passphrase: string | null
  /** Where the configuration names it, for messages: `listen.tls.sni[0]`. */
  readonly place: string
}

/** `listen.tls` and `listen.also[].tls`. */
export interface ListenerTls {
  readonly certificate: CertificateFiles
  /** Further ones, by name. */
  readonly sni: readonly CertificateFiles[]
  readonly http2: boolean
}

/** One listening socket. */
export interface ListenerConfig {
  /** Where the configuration describes it, for messages: `listen` or `listen.also[0]`. */
  readonly place: string
  readonly at:
    | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
    /** `path` is absolute. */
    | { readonly kind: 'socket'; readonly path: string }
  readonly tls: ListenerTls | null
  /** Every connection begins with a PROXY header. */
  readonly proxyProtocol: boolean
}

/** Which proxies are believed: none, all, so many, or those at these addresses (as `proxy-addr` reads them). */
export type TrustProxy = boolean | number | readonly string[]

/** `admin`. */
export interface AdminConfig {
  readonly host: string
  readonly port: number
  /** What every request must bring; null on loopback, where nothing is asked for. */
  readonly token: string | null
}

/** The whole configuration, defaults filled in, paths absolute. */
export interface Config {
  readonly app: AppConfig
  readonly listen: {
    /** At least one. */
    readonly listeners: readonly ListenerConfig[]
    readonly trustProxy: TrustProxy
    readonly servedBy: boolean
    /** Over all listeners. */
    readonly maxConnections: number
    /** Requests in flight at one web server before the next gets 503. */
    readonly maxInFlight: number
    readonly keepAliveTimeoutMs: number
    readonly headersTimeoutMs: number
    /** Longest time for a whole request to arrive, ms; 0 for no limit. */
    readonly requestTimeoutMs: number
    /** Longest wait of a request for its partition to have an owner, ms. */
    readonly parkTimeoutMs: number
  }
  /** Addresses by name; empty on one machine. */
  readonly hosts: Readonly<Record<string, string>>
  readonly webServers: {
    /** The host that runs them, and the director; null on one machine. */
    readonly on: string | null
    /** How many at the start, and from then on unless they are scaled. */
    readonly threads: number
    /** Their number follows the load within these bounds, both included; null when it does not. */
    readonly autoscale: { readonly min: number; readonly max: number } | null
    /** Heap limit of one web server, MiB; null for Node's default. */
    readonly heapMb: number | null
    /** A web server whose event loop stands still for so long is killed, ms. */
    readonly hangTimeoutMs: number
  }
  readonly sessionServers: readonly SessionServerConfig[]
  readonly cluster: ClusterConfig
  readonly replication: {
    readonly copies: number | 'all'
    readonly acks: 'none' | 'one' | 'all'
    readonly ackTimeoutMs: number
    /** Bytes of mutations queued towards one session server before back-pressure. */
    readonly outboxMaxBytes: number
  }
  readonly session: SessionConfig
  readonly cache: {
    /** Bytes of sessions that one web server keeps in memory. */
    readonly maxBytes: number
  }
  readonly admin: AdminConfig | null
  /** Longest wait at the start for all session servers, ms; then it goes on with those that are there. */
  readonly startTimeoutMs: number
  /** Longest time that a stop waits for requests in flight, ms. */
  readonly drainTimeoutMs: number
  readonly log: {
    readonly level: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'silent'
    readonly pretty: boolean | 'auto'
    /** A line for each request. */
    readonly requests: boolean
    /** Whether that has the query. */
    readonly queries: boolean
  }
}
