/** Apps written to files as a user writes them, and served over plain node:http. */
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { App } from '../../../lib/web-server/adapters/app.js'
import { type LoadAppOptions, loadApp } from '../../../lib/web-server/adapters/load-app.js'
import { noSessions } from '../../support/no-sessions.js'

const context = {
  name: 'web-1',
  adminUrl: null,
  draining: new AbortController().signal,
  sessions: noSessions,
}

/** Where the apps are told that they listen. */
export const LISTENING = { address: '0.0.0.0', family: 'IPv4', port: 8080 }

/** Loads an app as if this thread had others. */
export function load(file: string, options: Partial<LoadAppOptions> = {}): Promise<App> {
  return loadApp(file, context, {
    listening: LISTENING,
    listenWithinMs: 20,
    ownsThread: false,
    ...options,
  })
}

/** A folder with apps that can import this project's dependencies. */
export class AppFolder {
  readonly path = mkdtempSync(join(tmpdir(), 'troupe-apps-'))

  constructor() {
    symlinkSync(join(process.cwd(), 'node_modules'), join(this.path, 'node_modules'))
  }

  write(name: string, source: string): string {
    const file = join(this.path, name)
    writeFileSync(file, source)
    return file
  }

  remove(): void {
    rmSync(this.path, { recursive: true })
  }
}

/** Serves an app file; each request gets the given session. */
export async function serve(
  file: string,
  session: object | undefined,
  ask: (url: string) => Promise<unknown>,
): Promise<void> {
  const { handle } = await load(file, { listenWithinMs: 5_000 })
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    Object.defineProperty(request, 'session', { value: session, configurable: true, writable: true })
    handle(request, response)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  try {
    await ask(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  } finally {
    server.closeAllConnections()
    await new Promise(resolve => server.close(resolve))
  }
}
