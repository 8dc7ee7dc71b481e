/** A network between a gateway and a service that can fail in the ways networks do. */
import { connect, createServer, type Server, type Socket } from 'node:net'
import type { Test } from 'tap'

/**
 * `silent`: packets are dropped both ways, new connections are accepted and hang. `reset`: every connection is reset,
 * new ones too. `deaf`: what comes from the service is dropped, the other way is open.
 */
export type LinkState = 'open' | 'silent' | 'deaf' | 'reset'

export class Link {
  readonly url: string
  #state: LinkState = 'open'
  readonly #sockets = new Set<Socket>()
  readonly #server: Server

  /** A link to a service that ends with the test. */
  static async to(t: Test, target: { readonly port: number }): Promise<Link> {
    const server = createServer({ noDelay: true })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const link = new Link(server, target.port)
    t.teardown(() => link.#close())
    return link
  }

  private constructor(server: Server, port: number) {
    this.#server = server
    const address = server.address()
    this.url = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`
    server.on('connection', near => this.#join(near, port))
  }

  set(state: LinkState): void {
    this.#state = state
    if (state === 'reset') for (const socket of this.#sockets) socket.resetAndDestroy()
  }

  #join(near: Socket, port: number): void {
    this.#keep(near)
    if (this.#state === 'reset') near.resetAndDestroy()
    if (this.#state !== 'open') return
    const far = connect({ port, host: '127.0.0.1', noDelay: true })
    this.#keep(far)
    near.on('data', bytes => this.#state === 'silent' || far.write(bytes))
    far.on('data', bytes => this.#state === 'open' && near.write(bytes))
    near.on('close', () => this.#state !== 'silent' && far.destroy())
    far.on('close', () => this.#state === 'open' && near.destroy())
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket)
    socket.on('close', () => this.#sockets.delete(socket))
    // The close that follows says the same.
    socket.on('error', () => undefined)
  }

  async #close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise(resolve => this.#server.close(resolve))
  }
}
