/**
 * Modules that export an app and let a server listen as well, often so that tests can do without. The exported app
 * answers; a server that is recognised as its own is the app from then on, since it may have sockets beside it; others
 * really listen.
 */
import type { Server } from 'node:http'
import { type App, appOfServer } from './app.js'
import { isFetchApp, isKoa } from './app-of-export.js'
import type { ListenCalls } from './listen-calls.js'

/** What Koa calls the listener that its `listen` makes: nothing else tells whose it is. */
const KOA_LISTENER = 'handleRequest'
/** Events of a connection that node's parser leaves to the app. */
const CONNECTION_EVENTS = ['upgrade', 'connect'] as const

/** @returns the app; its requests go to the server that listens for it, also when that does so only later */
export function appWithServers(app: App, exported: unknown, calls: ListenCalls): App {
  let atLoad = app
  let current = app
  let isLoaded = false
  const { first } = calls
  const isServerOfApp = (server: Server): boolean => server === current.server || belongsTo(server, exported)
  calls.settle({
    // The listener of a fetch app can't be recognised: the first server is taken for its own.
    isServer: server => isServerOfApp(server) || (server === first && isFetchApp(exported)),
    onListen: server => {
      if (server === current.server || !isServerOfApp(server)) return
      current = appOfServer(server)
      if (isLoaded) relayConnections(atLoad.server, server)
      else atLoad = current
    },
  })
  isLoaded = true
  return { server: atLoad.server, handle: (request, response) => current.handle(request, response) }
}

function belongsTo(server: Server, exported: unknown): boolean {
  if (server.listenerCount('upgrade') > 0) return true
  const listeners: readonly unknown[] = server.listeners('request')
  if (listeners.includes(exported)) return true
  return isKoa(exported) && listeners.some(each => typeof each === 'function' && each.name === KOA_LISTENER)
}

/** The app's server is a fact once it is loaded: what a later one listens to reaches it through the first. */
function relayConnections(from: Server, to: Server): void {
  for (const event of CONNECTION_EVENTS) {
    const relay = (): void => void from.on(event, (...args) => to.emit(event, ...args))
    if (to.listenerCount(event) > 0) relay()
    else {
      const onListener = (added: string | symbol): void => {
        if (added !== event) return
        to.off('newListener', onListener)
        relay()
      }
      to.on('newListener', onListener)
    }
  }
}
