/** One connection of a client: who is at its other end, and what it has under way. */
import type { Socket } from 'node:net'
import { Share } from './share.js'

/** Who is at both ends. Undefined is what can't be told, as of a unix socket. */
export interface Ends {
  readonly encrypted: boolean
  readonly remoteAddress: string | undefined
  readonly remotePort: number | undefined
  readonly localAddress: string | undefined
  readonly localPort: number | undefined
}

const kConnection = Symbol('connection')

interface ClientSocket extends Socket {
  [kConnection]?: Connection<unknown>
  /** What a stream of HTTP/2 came on. */
  readonly carrier?: ClientSocket
}

/** All requests are of one type, whatever it is. */
export class Connection<Request> {
  readonly socket: Socket
  /** Requests that nobody is done with: several when the client pipelines; few, and answered in order. */
  readonly flights: Request[] = []
  /** Requests whose answer the connection has not taken to its end. */
  unanswered = 0
  /** What it may have in flight. All streams of an HTTP/2 connection have one share. */
  readonly share: Share<Request>
  /** A request on it was refused as faulty: whatever follows is not to be trusted to be what it seems. */
  isSpoiled = false
  /** Waits for the last of the unanswered. */
  onAnswered: (() => void) | null = null
  #ends: Ends | null = null
  /** How long nothing may come, ms; 0 for ever. */
  #quietMsMax = 0
  /** How long nothing has come, as far as it was looked at, ms. */
  #quietMs = 0
  /** What had come when it became quiet, bytes. */
  #quietSince = 0

  private constructor(socket: ClientSocket) {
    this.socket = socket
    const { carrier } = socket
    this.share = carrier === undefined ? new Share() : Connection.of<Request>(carrier).share
  }

  /** @returns the one that stands for this socket, always the same */
  static of<Request>(socket: ClientSocket): Connection<Request> {
    socket[kConnection] ??= new Connection(socket)
    return socket[kConnection] as Connection<Request>
  }

  /** They are the same for as long as it is open, and a socket looks them up anew each time that it is asked. */
  get ends(): Ends {
    this.#ends ??= endsOf(this.socket)
    return this.#ends
  }

  /**
   * From here on the socket's `setTimeout` is no timer but a limit that {@link look} looks at: node:http sets it after each
   * answer and takes it back at the next head, which cost a request 0.3 us.
   */
  limitByLooks(): void {
    const { socket } = this
    // A stream of HTTP/2 has no limit of its own.
    if ('carrier' in socket) return
    socket.setTimeout = ms => {
      this.#quietMsMax = ms
      this.#quietMs = 0
      return socket
    }
  }

  /** Time has passed: a socket on which nothing came for too long emits 'timeout'. @param ms since the last look */
  look(ms: number): void {
    if (this.#quietMsMax === 0) return
    const wasQuiet = this.#quietMs > 0
    this.#quietMs += ms
    if (wasQuiet && this.#quietMs <= this.#quietMsMax) return
    // A head that is only coming is no silence. Asked twice in all that time: it is a call into native code.
    const { bytesRead } = this.socket
    if (wasQuiet && bytesRead === this.#quietSince) {
      this.#quietMsMax = 0
      this.socket.emit('timeout')
      return
    }
    this.#quietSince = bytesRead
    this.#quietMs = ms
  }

  /** Nobody needs the request any more. */
  forget(request: Request): void {
    const { flights } = this
    const at = flights.lastIndexOf(request)
    // Not by `splice`, which would make an array for what it takes out, and the next request another one.
    if (at === flights.length - 1) flights.pop()
    else if (at >= 0) flights.splice(at, 1)
  }
}

function endsOf(socket: Socket): Ends {
  return {
    encrypted: 'encrypted' in socket && socket.encrypted === true,
    remoteAddress: socket.remoteAddress,
    remotePort: socket.remotePort,
    localAddress: socket.localAddress,
    localPort: socket.localPort,
  }
}
