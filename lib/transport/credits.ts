/**
 * Flow control for bodies in transit: a sender may have {@link WINDOW_BYTES} outstanding per exchange and direction,
 * the receiver gives credit as the bytes are consumed. So a body of any size needs a fixed amount of memory.
 */

/** Bytes that one direction of one exchange may have outstanding: enough to keep a local port busy between two ticks. */
export const WINDOW_BYTES = 256 * 1024

/** Largest piece of a body in one message, bytes. Also the size of a credit, so a body below it costs no credit at all. */
export const CHUNK_BYTES = 64 * 1024

/** The sender's side of a window. */
export class SendWindow {
  #outstanding = 0

  /** Bytes that may be sent now. */
  get available(): number {
    return WINDOW_BYTES - this.#outstanding
  }

  /** Notes bytes as sent. @param bytes at most {@link available}, but for a last piece that was already read */
  sent(bytes: number): void {
    this.#outstanding += bytes
  }

  /** The receiver consumed so many bytes. */
  credited(bytes: number): void {
    this.#outstanding -= bytes
  }
}

/** The receiver's side: collects consumed bytes until they are worth a message. */
export class CreditMeter {
  #owed = 0

  /** @param bytes just consumed @returns the credit to send now, 0 when it can wait */
  consumed(bytes: number): number {
    this.#owed += bytes
    if (this.#owed < CHUNK_BYTES) return 0
    const credit = this.#owed
    this.#owed = 0
    return credit
  }
}
