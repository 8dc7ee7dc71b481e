/** What must be so before anything is started: the app's file and the certificates can be read, and the ports are free. */
import { access, constants, stat } from 'node:fs/promises'
import { createServer, type ListenOptions } from 'node:net'
import { dirname } from 'node:path'
import type { Config } from '../config/schema.js'
import { readCertificates } from '../director/front/listeners/certificates.js'
import { pathTooLong, SOCKET_PATH_BYTES_MAX, socketStateOf } from '../director/front/listeners/unix-socket.js'
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

/** Reads every certificate that browsers are shown. @throws ListenTlsError */
export async function checkCertificates({ listen }: Config): Promise<void> {
  for (const { tls } of listen.listeners) if (tls !== null) await readCertificates(tls)
}

/**
 * Listens in every place for a moment, since it is better to refuse before any thread is started.
 * @throws PortUnavailableError
 */
export async function checkPorts({ listen, admin }: Config): Promise<void> {
  for (const { place, at } of listen.listeners) {
    if (at.kind === 'socket') await probeSocket(place, at.path)
    else await probe(place, at)
  }
  if (admin !== null) await probe('admin', admin)
}

/** Another process can take a port after the check: @returns the error to show for what a listener then threw. */
export function asPortError(error: unknown, { listen, admin }: Config): unknown {
  if (!(error instanceof Error) || !('syscall' in error) || error.syscall !== 'listen') return error
  const { port, address } = error as { port?: unknown; address?: unknown }
  if (admin !== null && port === admin.port) return portError('admin', admin, error)
  for (const { place, at } of listen.listeners) {
    if (at.kind === 'socket' ? address === at.path : port === at.port) {
      return at.kind === 'socket' ? socketError(place, at.path, error) : portError(place, at, error)
    }
  }
  return error
}

interface Address {
  readonly host: string
  readonly port: number
}

/** @returns an address as one writes it: `[::1]:8080` */
export function addressText({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

async function probe(section: string, { host, port }: Address): Promise<void> {
  if (port === 0) return
  try {
    await listenBriefly({ host, port, exclusive: true })
  } catch (cause) {
    throw portError(section, { host, port }, cause)
  }
}

async function probeSocket(section: string, path: string): Promise<void> {
  try {
    if (Buffer.byteLength(path) > SOCKET_PATH_BYTES_MAX) throw pathTooLong(path)
    const state = await socketStateOf(path)
    if (state === 'live') throw inUse
    if (state === 'other') throw notASocket
    // Listening would take a stale one away; that it can be replaced shows in the folder.
    if (state === 'free') await listenBriefly({ path })
    else await access(dirname(path), constants.W_OK)
  } catch (cause) {
    throw socketError(section, path, cause)
  }
}

async function listenBriefly(options: ListenOptions): Promise<void> {
  const server = createServer()
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(options, resolve)
  })
  await new Promise(resolve => server.close(resolve))
}

const inUse = Object.assign(new Error('somebody listens there'), { code: 'EADDRINUSE' })
const notASocket = Object.assign(new Error('there is another file'), { code: 'ENOTSOCK' })

function socketError(section: string, path: string, cause: unknown): PortUnavailableError {
  const refuse = (what: string) => new PortUnavailableError(`${section}.socket: ${path} ${what}.`, { cause })
  const other = 'give another path'
  switch (errnoOf(cause)) {
    case 'EADDRINUSE':
      return refuse(`is in use by another program; stop it, or ${other}`)
    case 'ENOTSOCK':
      return refuse(`is a file that is not a socket; remove it, or ${other}`)
    case 'ENAMETOOLONG':
      return refuse(
        `is longer than the ${SOCKET_PATH_BYTES_MAX} bytes that a socket's path may have; ${other}`,
      )
    default:
      return refuse(`can't be made (${errnoOf(cause)}); ${other}, in a folder that this user may write`)
  }
}

function portError(section: string, { host, port }: Address, cause: unknown): PortUnavailableError {
  const address = addressText({ host, port })
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
