/** What must be so before anything is started: the app's file can be read, and the ports are free. */
import { access, constants, stat } from 'node:fs/promises'
import { createServer } from 'node:net'
import type { Config } from '../config/schema.js'
import { TroupeError } from '../errors.js'

/** The app's file is missing, or is not one that this user may read. */
export class AppUnreadableError extends TroupeError {
  readonly code = 'APP_UNREADABLE'
}

/** A port that the configuration names can't be listened on. */
export class PortUnavailableError extends TroupeError {
  readonly code = 'PORT_UNAVAILABLE'
}

/** @throws AppUnreadableError */
export async function checkApp({ app }: Config): Promise<void> {
  const refuse = (found: string, cause?: unknown) =>
    new AppUnreadableError(`app: ${app.file} ${found}. Give the path of the module that exports your app.`, {
      cause,
    })
  const found = await stat(app.file).catch((cause: unknown) => {
    throw refuse(
      errnoOf(cause) === 'ENOENT' ? 'does not exist' : `can't be reached (${errnoOf(cause)})`,
      cause,
    )
  })
  if (!found.isFile()) throw refuse('is not a file')
  await access(app.file, constants.R_OK).catch((cause: unknown) => {
    throw refuse('is not readable by this user', cause)
  })
}

/**
 * Listens on every port for a moment, since it is better to refuse before any thread is started.
 * @throws PortUnavailableError
 */
export async function checkPorts({ listen, admin }: Config): Promise<void> {
  await probe('listen', listen.host, listen.port)
  if (admin !== null) await probe('admin', admin.host, admin.port)
}

/** Another process can take a port after the check: @returns the error to show for what a listener then threw. */
export function asPortError(error: unknown, { listen, admin }: Config): unknown {
  if (!(error instanceof Error) || !('syscall' in error) || error.syscall !== 'listen') return error
  const isAdmin = admin !== null && 'port' in error && error.port === admin.port
  return isAdmin ? portError('admin', admin, error) : portError('listen', listen, error)
}

async function probe(section: 'listen' | 'admin', host: string, port: number): Promise<void> {
  if (port === 0) return
  const server = createServer()
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen({ host, port, exclusive: true }, resolve)
    })
  } catch (cause) {
    throw portError(section, { host, port }, cause)
  }
  await new Promise(resolve => server.close(resolve))
}

function portError(section: string, { host, port }: { host: string; port: number }, cause: unknown) {
  const address = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
  const flag = section === 'listen' ? ' or --port' : ''
  const other = `choose another port with ${section}.port${flag}`
  switch (errnoOf(cause)) {
    case 'EADDRINUSE':
      return new PortUnavailableError(
        `${section}.port: ${address} is in use by another program; stop it, or ${other}.`,
        { cause },
      )
    case 'EACCES':
      return new PortUnavailableError(
        `${section}.port: this user may not listen on ${address}; ${other}, above 1023.`,
        { cause },
      )
    default:
      return new PortUnavailableError(
        `${section}.host: can't listen on ${address} (${errnoOf(cause)}); give an address of this machine.`,
        { cause },
      )
  }
}

function errnoOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error)
}
