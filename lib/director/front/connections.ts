/**
 * The clients' connections, with what is in flight on each. A front that stops closes each as soon as everything that
 * was asked on it has been answered, down to the last byte; node:http itself would also close those that are idle only
 * in that their answer is no longer in the app's hands.
 */
import type { Socket } from 'node:net'
import type { Flight } from './flight.js'
import { Share } from './share.js'

/** One connection: with several flights when its client pipelines. */
interface Connection {
  /** Few, and answered in order. */
  readonly flights: Flight[]
  /** Requests whose answer the connection has not taken to its end. */
  unanswered: number
  readonly share: Share<Flight>
  /** A request on it was refused as faulty: whatever follows is not to be trusted to be what it seems. */
  isSpoiled: boolean
  /** Waits for the last of them. */
  onAnswered?: () => void
}

const kConnection = Symbol('connection')

interface ClientSocket extends Socket {
  [kConnection]?: Connection
  /** What a stream of HTTP/2 came on. */
  readonly carrier?: ClientSocket
}

function connectionOf(socket: ClientSocket): Connection {
  socket[kConnection] ??= { flights: [], unanswered: 0, share: shareOf(socket), isSpoiled: false }
  return socket[kConnection]
}

function shareOf({ carrier }: ClientSocket): Share<Flight> {
  return carrier === undefined ? new Share<Flight>() : connectionOf(carrier).share
}

/** All connections of one front. */
export class Connections {
  readonly #sockets = new Set<Socket>()
  #closing = false

  /** @param onGone called when it is closed, with what was in flight on it */
  add(socket: Socket, onGone: (flights: readonly Flight[]) => void): void {
    const { flights } = connectionOf(socket)
    this.#sockets.add(socket)
    socket.on('close', () => {
      this.#sockets.delete(socket)
      onGone([...flights])
    })
  }

  /** What the client's connection may have in flight. */
  shareOf(socket: Socket): Share<Flight> {
    return connectionOf(socket).share
  }

  /** From here on nothing that comes on it is a request. */
  spoil(socket: Socket): void {
    connectionOf(socket).isSpoiled = true
  }

  isSpoiled(socket: Socket): boolean {
    return connectionOf(socket).isSpoiled
  }

  /** A request begins. */
  began(flight: Flight): void {
    const { socket } = flight.req
    const connection = connectionOf(socket)
    connection.flights.push(flight)
    connection.unanswered++
    flight.answer.onClosed(() => {
      connection.unanswered--
      if (connection.unanswered === 0) connection.onAnswered?.()
      if (this.#closing) this.#closeIfAnswered(socket)
    })
  }

  /** @param ready called once everything that was asked on this connection before is answered: at once, as a rule */
  whenAnswered(socket: Socket, ready: () => void): void {
    const connection = connectionOf(socket)
    if (connection.unanswered === 0) ready()
    else connection.onAnswered = ready
  }

  /** Nothing refers to the flight any more; its last bytes may still be on their way. */
  ended(flight: Flight): void {
    const { socket } = flight.req
    const { flights } = connectionOf(socket)
    const at = flights.indexOf(flight)
    if (at >= 0) flights.splice(at, 1)
    if (this.#closing) this.#closeIfAnswered(socket)
  }

  /** From now on a connection ends with the last answer that it owes; those that owe none end at once. */
  closeWhenAnswered(): void {
    this.#closing = true
    for (const socket of this.#sockets) this.#closeIfAnswered(socket)
  }

  /** Cuts what is left, tunnels included: node:http no longer knows of those. */
  destroyAll(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  #closeIfAnswered(socket: Socket): void {
    const { flights, unanswered } = connectionOf(socket)
    // An app may go on to read a body that it has answered.
    if (flights.length === 0 && unanswered === 0) socket.destroySoon()
  }
}
