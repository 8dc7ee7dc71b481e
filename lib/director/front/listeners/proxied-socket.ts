/** Takes the PROXY header off a connection, and lets the connection tell the addresses that the header names. */
import type { Socket } from 'node:net'
import { type ProxiedAddresses, parseProxyHeader } from './proxy-protocol.js'

/**
 * Reads the header; what follows stays to be read. A connection without one is closed.
 * @param timeoutMs how long it may take to arrive
 * @param onRead called once when it was there, with what it says; null leaves the connection's own addresses
 */
export function readProxyHeader(
  socket: Socket,
  timeoutMs: number,
  onRead: (addresses: ProxiedAddresses | null) => void,
): void {
  let bytes: Buffer = Buffer.alloc(0)
  const deadline = setTimeout(() => socket.destroy(), timeoutMs)
  const leave = () => {
    clearTimeout(deadline)
    socket.off('readable', onReadable)
    socket.off('close', leave)
    socket.off('end', onEnd)
  }
  const onEnd = () => socket.destroy()
  const onReadable = () => {
    for (let chunk = socket.read(); chunk !== null; chunk = socket.read()) {
      bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk])
      const header = parseProxyHeader(bytes)
      if (header.type === 'incomplete') continue
      leave()
      if (header.type === 'malformed') {
        socket.destroy()
        return
      }
      if (bytes.length > header.bytes) socket.unshift(bytes.subarray(header.bytes))
      if (header.addresses !== null) tellAddresses(socket, header.addresses)
      onRead(header.addresses)
      return
    }
  }
  socket.on('readable', onReadable)
  socket.on('close', leave)
  socket.on('end', onEnd)
}

/** From now on the socket has these addresses. */
export function tellAddresses(socket: Socket, addresses: ProxiedAddresses): void {
  const family = addresses.remoteAddress.includes(':') ? 'IPv6' : 'IPv4'
  for (const [name, value] of Object.entries({
    ...addresses,
    remoteFamily: family,
    localFamily: family,
  })) {
    Object.defineProperty(socket, name, { value, configurable: true, enumerable: true })
  }
}
