/** Fastify instances. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type App, appOfListener, appOfServer, isServer } from './app.js'

/** What is used of a Fastify instance: Fastify is the app's dependency, not ours. */
export interface FastifyApp {
  readonly server: unknown
  listen(...args: unknown[]): unknown
  ready(...args: unknown[]): PromiseLike<unknown>
  register(plugin: object): unknown
  routing(request: IncomingMessage, response: ServerResponse): void
  hasRequestDecorator(name: string): boolean
  decorateRequest(name: string, property: { getter(this: FastifyRequest): unknown }): unknown
}

interface FastifyRequest {
  readonly raw: IncomingMessage
}

/** Fastify tells of each new instance here, for those who instrument it. */
const INITIALIZATION = 'fastify.initialization'

export function isFastify(value: object): value is FastifyApp {
  return ['listen', 'ready', 'register', 'routing', 'hasRequestDecorator', 'decorateRequest'].every(
    name => name in value && typeof (value as Record<string, unknown>)[name] === 'function',
  )
}

/** Boots the instance, with `request.session`: see {@link giveSession}. */
export async function appOfFastify(app: FastifyApp): Promise<App> {
  giveSession(app)
  await app.ready()
  return isServer(app.server) ? appOfServer(app.server) : appOfListener((req, res) => app.routing(req, res))
}

/**
 * Every instance that is made from now on gets its `request.session` when it is about to boot by itself: later it
 * takes no decorator any more.
 * @returns ends that
 */
export function giveSessionsToAll(): () => void {
  const onInstance = (message: unknown): void => {
    const { fastify: app } = message as { readonly fastify: FastifyApp }
    let isGiven = false
    const giveOnce = (): void => {
      if (!isGiven) giveSession(app)
      isGiven = true
    }
    const { listen, ready } = app
    app.listen = (...args) => {
      giveOnce()
      return listen.apply(app, args)
    }
    app.ready = (...args) => {
      giveOnce()
      return ready.apply(app, args)
    }
  }
  subscribe(INITIALIZATION, onInstance)
  return () => void unsubscribe(INITIALIZATION, onInstance)
}

/** Gives requests a `session`, unless the app has one of its own or has booted already. */
function giveSession(app: FastifyApp): void {
  // A plugin after all others: one of them may bring its own `session`.
  const plugin = async (instance: FastifyApp): Promise<void> => {
    if (instance.hasRequestDecorator('session')) return
    instance.decorateRequest('session', {
      getter() {
        return this.raw.session
      },
    })
  }
  try {
    app.register(Object.assign(plugin, { [Symbol.for('skip-override')]: true }))
  } catch (error) {
    if (!isCoded(error, 'AVV_ERR_ROOT_PLG_BOOTED') && !isCoded(error, 'FST_ERR_INSTANCE_ALREADY_LISTENING')) {
      throw error
    }
  }
}

function isCoded(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
