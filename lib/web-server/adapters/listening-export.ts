/**
 * Modules that export an app and let a server listen as well, often so that tests can do without. The exported app
 * answers; a server that is recognised as its own is the app from then on, since it may have sockets beside it; others
 * really listen.
 */
import type { Server } from 'node:http'
import { type App, appOfServer } from './app.js'
import { isFetchApp, isKoa } from './app-of-export.js'
import type { ListenCalls } from './listen-calls.js'
import { relayConnections } from './relay-connections.js'

/** What Koa calls the listener that its `listen` makes: nothing else tells whose it is. */
const KOA_LISTENER = 'handleRequest'

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
      // The app's server is a fact once it is loaded: a later one is reached through it.
      if (isLoaded) relayConnections(atLoad.server, server)
      else atLoad = current
    },
  })
  isLoaded = true
  return {
    server: atLoad.server,
    handle: (request, response) => current.handle(request, response),
    prototypes: () => current.prototypes(),
  }
}

function belongsTo(server: Server, exported: unknown): boolean {
  if (server.listenerCount('upgrade') > 0) return true
  const listeners: readonly unknown[] = server.listeners('request')
  if (listeners.includes(exported)) return true
  return isKoa(exported) && listeners.some(each => typeof each === 'function' && each.name === KOA_LISTENER)
}
