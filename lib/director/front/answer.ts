/** Where the answer to a flight goes: a response of node:http, or the bare connection of a tunnel. */
import type { Bytes } from '../../transport/exchange-messages.js'

/** The answering side of one flight. */
export interface Answer {
  /** Whether another request may follow on this connection. */
  readonly keepAlive: boolean
  /**
   * Passes on the next bytes.
   * @param onPassed called when the connection has taken them; never when it is destroyed before
   */
  writeRaw(bytes: Bytes, onPassed?: () => void): void
  /**
   * Ends the answer, then the connection if `close`; otherwise the next request has its turn, or the client of a tunnel
   * goes on sending.
   * @param bytes the last, null when there are none left
   */
  endRaw(bytes: Bytes | null, close: boolean): void
  /** Answers 503 with Retry-After; only when nothing else was. @param close the connection closes after it */
  refuse(text: string, close: boolean): void
  /** Cuts the connection. */
  cut(): void
  /** @param listener called once the answer has been taken to its end, or can't be any more */
  onClosed(listener: () => void): void
}
