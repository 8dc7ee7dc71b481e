/**
 * What a web server runs in. In production that is a thread of its own; a test of an app may run it on its own thread
 * instead, where the app is an object of the test, and where no thread can be ended.
 */
import type { WebServerStart } from '../transport/actor-control.js'
import type { App } from './adapters/app.js'
import type { AppContext } from './adapters/app-context.js'
import { loadApp } from './adapters/load-app.js'

export interface Surroundings {
  /** Aborts when the web server is to be gone, though its thread stays; null where its thread is ended. */
  readonly killed: AbortSignal | null
  /** @throws AppLoadError */
  loadApp(options: WebServerStart, context: AppContext): Promise<App>
  /**
   * Errors that nobody on this thread catches are this web server's. Rejections that nobody handles are among them:
   * Node makes uncaught exceptions of these.
   */
  onUncaught(handle: (error: unknown, origin: NodeJS.UncaughtExceptionOrigin) => void): void
}

/** A thread that nobody else uses. */
export const ownThread: Surroundings = {
  killed: null,
  loadApp: ({ app, listening, appStartMs }, context) =>
    loadApp(app.file, context, { listening, listenWithinMs: appStartMs, ownsThread: true }),
  onUncaught: handle => void process.on('uncaughtException', handle),
}
