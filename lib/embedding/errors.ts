/** What can go wrong in programs that start Troupe. */
import { TroupeError } from '../errors.js'

/** `start` was called on a host that has no web servers. */
export class HostWithoutWebServersError extends TroupeError {
  readonly code = 'HOST_WITHOUT_WEB_SERVERS'

  constructor(host: string | undefined) {
    super(
      `start: the configuration puts no web servers on host ${JSON.stringify(host)}, only session servers. ` +
        `Run "troupe start --config FILE --host ${host}" there, and start the cluster on the host of webServers.on.`,
    )
  }
}

/** `createTestCluster` was given something that is no app. */
export class NotAnAppError extends TroupeError {
  readonly code = 'NOT_AN_APP'

  constructor(found: string) {
    super(
      `createTestCluster: found ${found}, expected an app (an Express, Connect or Koa app, a Fastify instance, an object ` +
        'with fetch, an http.Server, or a listener), or the path or file: URL of a module that exports or lets listen one.',
    )
  }
}
