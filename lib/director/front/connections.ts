/**
 * The clients' connections, with what is in flight on each. A front that stops closes each as soon as everything that
 * was asked on it has been answered, down to the last byte; node:http itself would also close those that are idle only
 * in that their answer is no longer in the app's hands.
 */
import type { Socket } from 'node:net'
import { Connection } from './connection.js'
import type { Flight } from './flight.js'

/** Time between two looks for connections that have been idle for too long, ms: so much later they may be closed. */
const LOOK_MS = 500

/** All connections of one front. */
export class Connections {
  readonly #open = new Set<Connection<Flight>>()
  readonly #looks = setInterval(() => this.#look(), LOOK_MS).unref()
  #closing = false

  /** @param onGone called when it is closed, with what was in flight on it */
  add(socket: Socket, onGone: (flights: readonly Flight[]) => void): void {
    const connection = Connection.of<Flight>(socket)
    this.#open.add(connection)
    connection.limitByLooks()
    socket.on('close', () => {
      this.#open.delete(connection)
      onGone([...connection.flights])
    })
  }

  /** A request begins. */
  began(flight: Flight): void {
    const { connection } = flight
    connection.flights.push(flight)
    connection.unanswered++
    flight.answer.onClosed(() => {
      connection.unanswered--
      if (connection.unanswered === 0) connection.onAnswered?.()
      if (this.#closing) closeIfAnswered(connection)
    })
  }

  /** @param ready called once everything that was asked on this connection before is answered: at once, as a rule */
  whenAnswered(connection: Connection<Flight>, ready: () => void): void {
    if (connection.unanswered === 0) ready()
    else connection.onAnswered = ready
  }

  /** Nothing refers to the flight any more; its last bytes may still be on their way. */
  ended(flight: Flight): void {
    const { connection } = flight
    connection.forget(flight)
    if (this.#closing) closeIfAnswered(connection)
  }

  /** From now on a connection ends with the last answer that it owes; those that owe none end at once. */
  closeWhenAnswered(): void {
    this.#closing = true
    for (const connection of this.#open) closeIfAnswered(connection)
  }

  /** There are none left, and none will come. */
  close(): void {
    clearInterval(this.#looks)
  }

  /** Cuts what is left, tunnels included: node:http no longer knows of those. */
  destroyAll(): void {
    for (const { socket } of this.#open) socket.destroy()
  }

  #look(): void {
    for (const connection of this.#open) connection.look(LOOK_MS)
  }
}

function closeIfAnswered({ socket, flights, unanswered }: Connection<Flight>): void {
  // An app may go on to read a body that it has answered.
  if (flights.length === 0 && unanswered === 0) socket.destroySoon()
}
