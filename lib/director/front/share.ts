/** What one connection has of the places of web servers: see `shares.ts`. */
import type { Duplex } from 'node:stream'

/** One connection of a client. All streams of an HTTP/2 connection have one share. */
export class Share<Request> {
  /** Requests that a web server has, or that wait for an owner. */
  taken = 0
  /** Requests that wait for their turn, in order. */
  readonly waiting = new Set<Request>()
  /** Its end is scheduled to be looked at. */
  isAdvancing = false
  /** What is not read while requests wait, null when nothing is held up. */
  #paused: Duplex | null = null
  readonly #pauseAgain = () => this.#paused?.pause()

  /** Reads no more of it. node:http goes on reading whenever a request is over: it is told again each time. */
  pause(socket: Duplex): void {
    if (this.#paused !== null) return
    this.#paused = socket
    socket.on('resume', this.#pauseAgain)
    socket.pause()
  }

  resume(): void {
    const socket = this.#paused
    if (socket === null) return
    this.#paused = null
    socket.off('resume', this.#pauseAgain)
    socket.resume()
  }
}
