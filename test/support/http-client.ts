/** A client that sends exactly the bytes it is told to, and keeps what comes back. */
import { connect, type Socket } from 'node:net'

/** One connection. */
export class RawClient {
  readonly socket: Socket
  received = ''
  closed = false
  #waiting: (() => void) | null = null

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1')
    this.socket.on('data', chunk => {
      this.received += chunk.toString('latin1')
      this.#waiting?.()
    })
    this.socket.on('error', () => {})
    this.socket.on('close', () => {
      this.closed = true
      this.#waiting?.()
    })
  }

  /** Sends text (latin1) or bytes. */
  send(bytes: string | Buffer): this {
    this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes)
    return this
  }

  /** Resolves when the text has been received, or rejects when the connection closes before. */
  async until(text: string): Promise<string> {
    while (!this.received.includes(text)) {
      if (this.closed)
        throw new Error(`closed before ${JSON.stringify(text)}: ${this.received.slice(0, 500)}`)
      await this.#change()
    }
    return this.received
  }

  /** Resolves with everything received once the connection is closed. */
  async untilClosed(): Promise<string> {
    while (!this.closed) await this.#change()
    return this.received
  }

  #change(): Promise<void> {
    return new Promise(resolve => {
      this.#waiting = resolve
    })
  }

  close(): void {
    this.socket.destroy()
  }
}

/** Sends requests on one connection, the last of them asking to close it. @returns all that came back */
export async function askRaw(
  port: number,
  bytes: string | Buffer | readonly (string | Buffer)[],
): Promise<string> {
  const client = new RawClient(port)
  for (const piece of Array.isArray(bytes) ? bytes : [bytes]) {
    client.send(piece as string | Buffer)
    await new Promise(resolve => setImmediate(resolve))
  }
  return client.untilClosed()
}

/** A condition that comes true in its own time. @throws when it has not after 10 s */
export async function eventually(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = Date.now() + 10_000
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`never came true: ${what}`)
    await new Promise(resolve => setTimeout(resolve, 5))
  }
}
