/** Fastify instances. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { NodeListener } from './node-listener.js'

/** What is used of a Fastify instance: Fastify is the app's dependency, not ours. */
export interface FastifyApp {
  after(): PromiseLike<unknown>
  ready(): PromiseLike<unknown>
  routing(request: IncomingMessage, response: ServerResponse): void
  hasRequestDecorator(name: string): boolean
  decorateRequest(name: string, property: { getter(this: FastifyRequest): unknown }): unknown
}

interface FastifyRequest {
  readonly raw: IncomingMessage
}

export function isFastify(value: object): value is FastifyApp {
  return ['after', 'ready', 'routing', 'hasRequestDecorator', 'decorateRequest'].every(
    name => name in value && typeof (value as Record<string, unknown>)[name] === 'function',
  )
}

/** Boots the instance; gives its requests a `session`, unless the app has one of its own or has booted it already. */
export async function fastifyListener(app: FastifyApp): Promise<NodeListener> {
  // Plugins first: one of them may bring its own `session`.
  await app.after()
  if (!app.hasRequestDecorator('session')) decorate(app)
  await app.ready()
  return (request, response) => app.routing(request, response)
}

function decorate(app: FastifyApp): void {
  try {
    app.decorateRequest('session', {
      getter() {
        return this.raw.session
      },
    })
  } catch (error) {
    if (!isCoded(error, 'FST_ERR_DEC_AFTER_START')) throw error
  }
}

function isCoded(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
