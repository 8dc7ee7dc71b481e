/**
 * Apps that listen by themselves: as under node:cluster, a server that listens here gets the director's requests and
 * binds nothing. The first server that listens while the app is loading is the app, unless the module exports one; what
 * it learns of its listening (`address()`, 'listening', `close()`) is as if it had bound the director's address. Servers
 * that want the same port are the same app; others listen for real.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { Server } from 'node:http'
import { Server as TlsServer } from 'node:https'
import type { ListeningAddress } from '../../transport/actor-control.js'
import { type Place, placeOf } from './listen-place.js'
import type { QuietThread } from './quiet-thread.js'

/** A call that has bound nothing so far. */
interface ListenCall {
  readonly server: Server
  readonly args: readonly unknown[]
  readonly place: Place
  readonly original: Listen
}

type Listen = (this: Server, ...args: unknown[]) => Server

/** What node itself looks at in a server that listens; node:cluster puts such an object there as well. */
interface PretendedHandle {
  close(): void
  ref(): void
  unref(): void
  getsockname?(address: object): number
}

interface ServerInternals {
  _handle: object | null
  _pipeName?: string
}

/** The app once it is known. */
export interface KnownApp {
  /** Whether a server that wants to listen is this app. */
  isServer(server: Server): boolean
  /** A server that {@link isServer} is believed to listen. */
  onListen(server: Server): void
}

/** The `listen` calls of one app, from before it is loaded until its thread ends, or it is forgotten. */
export class ListenCalls {
  readonly #address: ListeningAddress | null
  readonly #calls: ListenCall[] = []
  /** Ports and paths that are the app's. */
  readonly #places = new Set<Place>()
  readonly #waiting = new Set<(server: Server) => void>()
  #app: KnownApp | null = null

  /** @param address what servers of the app are told that they listen on; null for what they asked for */
  constructor(address: ListeningAddress | null) {
    this.#address = address
    this.#ownAddress()
  }

  /** The first server that listened; undefined when none has yet. */
  get first(): Server | undefined {
    return this.#calls[0]?.server
  }

  /** Everything in this thread that listens from now on is of this app. */
  watchThread(): void {
    watch()
    ofThread = this
  }

  /** Loads the app of several in one thread: what `load` leads to is of this app. */
  watchWithin<T>(load: () => T): T {
    watch()
    return scopes.run(this, load)
  }

  /**
   * @param thread tells when nothing is under way any more that could lead to a call
   * @returns the first server that listens; undefined when none has within `withinMs`, or none ever will
   */
  async waitForFirst(withinMs: number, thread: QuietThread | null): Promise<Server | undefined> {
    if (this.first !== undefined || withinMs === 0) return this.first
    const answered = new AbortController()
    const first = await new Promise<Server | undefined>(resolve => {
      const timer = setTimeout(resolve, withinMs, undefined)
      // It must not be what keeps the thread busy.
      if (thread !== null) timer.unref()
      this.#waiting.add(resolve)
      answered.signal.addEventListener('abort', () => {
        clearTimeout(timer)
        this.#waiting.delete(resolve)
      })
      void thread?.whenQuiet(answered.signal).then(() => resolve(this.first))
    })
    answered.abort()
    return first
  }

  /** The app is known: servers that turn out to be others listen for real now. */
  settle(app: KnownApp): void {
    const calls = this.#calls.splice(0)
    this.#app = app
    this.#places.clear()
    this.#ownAddress()
    for (const { server, place } of calls) {
      if (!app.isServer(server)) continue
      this.#own(place)
      app.onListen(server)
    }
    for (const call of calls) if (!this.#isOfApp(call.server, call.place)) reallyListen(call)
  }

  /** @returns what `server.listen(...args)` returns */
  listen(server: Server, args: readonly unknown[], original: Listen): Server {
    const place = placeOf(args)
    // Node itself refuses arguments that say nothing, and a server that listens already.
    if (place === null || server.listening || (this.#app !== null && !this.#isOfApp(server, place)))
      return original.apply(server, [...args])
    const callback = args.at(-1)
    const isCallback = typeof callback === 'function'
    if (isCallback) server.once('listening', callback as () => void)
    const call = { server, place, original, args: isCallback ? args.slice(0, -1) : args }
    if (this.#app === null) this.#calls.push(call)
    else if (this.#app.isServer(server)) this.#app.onListen(server)
    // In a while, as a real bind: by then it is known whether a module that runs through exports another app.
    pretendToListen(server, this.#addressFor(place), () => this.#confirm(call))
    const [options] = args
    if (hasSignal(options)) closeOnAbort(server, options.signal)
    if (this.first === server) {
      this.#own(place)
      for (const answer of this.#waiting) answer(server)
    }
    return server
  }

  /** A module that waits for a server to listen is not to wait for ever. */
  #confirm(call: ListenCall): void {
    if (this.#app !== null || this.#isOfApp(call.server, call.place)) call.server.emit('listening')
    else {
      this.#calls.splice(this.#calls.indexOf(call), 1)
      reallyListen(call)
    }
  }

  #isOfApp(server: Server, place: Place): boolean {
    if (this.#places.has(place)) return true
    if (this.#app !== null) return this.#app.isServer(server)
    return this.first === undefined || this.first === server
  }

  #ownAddress(): void {
    const address = this.#address
    if (address !== null) this.#own(typeof address === 'string' ? address : address.port)
  }

  #own(place: Place): void {
    // Any free port is another one each time.
    if (place !== 0) this.#places.add(place)
  }

  #addressFor(place: Place): ListeningAddress {
    const address = this.#address
    // The director's own port may be any free one, which is not known yet.
    if (address === null) return typeof place === 'number' ? { ...LOOPBACK, port: place } : String(place)
    if (typeof address === 'string' || address.port !== 0 || typeof place !== 'number') return address
    return { ...address, port: place }
  }
}

const LOOPBACK = { address: '127.0.0.1', family: 'IPv4' } as const

const scopes = new AsyncLocalStorage<ListenCalls>()
let ofThread: ListenCalls | null = null
let isWatching = false

/** Own properties of both prototypes: `listen` of a net.Server, which both inherit, stays node's. */
function watch(): void {
  if (isWatching) return
  isWatching = true
  for (const prototype of [Server.prototype, TlsServer.prototype]) {
    const original = prototype.listen as Listen
    Object.defineProperty(prototype, 'listen', {
      configurable: true,
      writable: true,
      value: function listen(this: Server, ...args: unknown[]): Server {
        const calls = scopes.getStore() ?? ofThread
        return calls === null ? original.apply(this, args) : calls.listen(this, args, original)
      },
    })
  }
}

function pretendToListen(server: Server, address: ListeningAddress, confirm: () => void): void {
  const internals = server as unknown as ServerInternals
  const handle: PretendedHandle = { close() {}, ref() {}, unref() {} }
  if (typeof address === 'string') internals._pipeName = address
  else
    handle.getsockname = to => {
      Object.assign(to, address)
      return 0
    }
  internals._handle = handle
  setImmediate(() => {
    if (internals._handle === handle) confirm()
  })
}

function reallyListen({ server, args, original }: ListenCall): void {
  const internals = server as unknown as ServerInternals
  // Closed meanwhile.
  if (internals._handle === null) return
  internals._handle = null
  delete internals._pipeName
  original.apply(server, [...args])
}

function hasSignal(options: unknown): options is { readonly signal: AbortSignal } {
  return (
    typeof options === 'object' &&
    options !== null &&
    'signal' in options &&
    options.signal instanceof AbortSignal
  )
}

function closeOnAbort(server: Server, signal: AbortSignal): void {
  const close = (): void => void server.close()
  if (signal.aborted) process.nextTick(close)
  else signal.addEventListener('abort', close, { once: true })
}
