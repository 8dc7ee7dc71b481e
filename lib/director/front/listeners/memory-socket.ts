/**
 * A connection inside this process, without a file descriptor: what one end writes the other reads, with back-pressure.
 * Both ends are what node:http expects of a socket, and tell the addresses of the connection that they stand for.
 */
import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'

/** What the server's end says of the client's real connection. */
export interface ConnectionFacts {
  readonly encrypted: boolean
  readonly remoteAddress: string | undefined
  readonly remotePort: number | undefined
  readonly localAddress: string | undefined
  readonly localPort: number | undefined
  /** The client's real connection, which many streams share. */
  readonly carrier: Socket
}

type Callback = (error?: Error | null) => void

/** One end. */
export class MemorySocket extends Duplex implements ConnectionFacts {
  readonly encrypted: boolean
  readonly remoteAddress: string | undefined
  readonly remotePort: number | undefined
  readonly localAddress: string | undefined
  readonly localPort: number | undefined
  readonly carrier: Socket

  #peer: MemorySocket | null = null
  /** A write of this end that the other has no room for yet. */
  #written: Callback | null = null

  constructor(facts: ConnectionFacts) {
    super()
    this.encrypted = facts.encrypted
    this.remoteAddress = facts.remoteAddress
    this.remotePort = facts.remotePort
    this.localAddress = facts.localAddress
    this.localPort = facts.localPort
    this.carrier = facts.carrier
  }

  /** @returns the client's end and the server's */
  static pair(facts: ConnectionFacts): [client: MemorySocket, server: MemorySocket] {
    const client = new MemorySocket(facts)
    const server = new MemorySocket(facts)
    client.#peer = server
    server.#peer = client
    return [client, server]
  }

  // What node:http asks of a net.Socket. Idle ones are ended with the connection that they stand for.

  setTimeout(): this {
    return this
  }

  setNoDelay(): this {
    return this
  }

  setKeepAlive(): this {
    return this
  }

  ref(): this {
    return this
  }

  unref(): this {
    return this
  }

  destroySoon(): void {
    if (this.writable) this.end()
    if (this.writableFinished) this.destroy()
    else this.once('finish', this.destroy)
  }

  override _read(): void {
    const peer = this.#peer
    if (peer !== null) peer.#passed()
  }

  override _write(chunk: Buffer, _: BufferEncoding, callback: Callback): void {
    const peer = this.#peer
    if (peer === null || peer.destroyed) {
      callback(Object.assign(new Error('the other end is gone'), { code: 'EPIPE' }))
      return
    }
    this.#written = callback
    if (peer.push(chunk)) this.#passed()
  }

  override _final(callback: Callback): void {
    if (this.#peer !== null && !this.#peer.destroyed) this.#peer.push(null)
    callback()
  }

  override _destroy(error: Error | null, callback: Callback): void {
    const peer = this.#peer
    this.#peer = null
    const written = this.#written
    this.#written = null
    written?.(error)
    // An end that was announced leaves the other what it has not read yet; anything else is a broken connection.
    if (peer !== null && !this.writableFinished) peer.destroy()
    callback(error)
  }

  #passed(): void {
    const written = this.#written
    this.#written = null
    written?.()
  }
}
