/** Where the first listener is when the file does not say; here, since with a socket there is neither. */

/** Loopback: to be reachable from outside is a decision. */
export const DEFAULT_HOST = '127.0.0.1'
/** The usual port of a server without root rights. */
export const DEFAULT_PORT = 8080
