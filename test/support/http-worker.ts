/** A worker thread that serves the test apps through an ExchangeServer. */

import { Server } from 'node:http'
import type { MessagePort } from 'node:worker_threads'
import { parentPort, workerData } from 'node:worker_threads'
import { BatchedPort } from '../../lib/transport/batched-port.js'
import { WEB_SERVER_FORMS } from '../../lib/transport/exchange-wire.js'
import { ExchangeServer } from '../../lib/web-server/http/exchange-server.js'
import { allApps } from './http-apps.js'
import { noSessions } from './http-sessions.js'

const { port } = workerData as { port: MessagePort }
const server = new ExchangeServer({
  port: new BatchedPort(port, WEB_SERVER_FORMS),
  sessions: noSessions,
  handle: await allApps(),
  server: new Server(),
  onDraining: () => {},
  keepAliveTimeoutMs: 5000,
  servedBy: null,
  trust: null,
  onError: error => console.error(error),
  onUncaught: error => console.error(error),
})
parentPort?.on('message', () => parentPort?.postMessage(server.inFlight))
parentPort?.postMessage('ready')
