/** Why a command to a running cluster (reload, scale, drain) was refused, or came to nothing. */
import { TroupeError, type TroupeErrorOptions } from '../errors.js'

/** Another command is under way, or the cluster is still starting. */
export class ClusterBusyError extends TroupeError {
  readonly code = 'CLUSTER_BUSY'

  constructor(command: string, running: string) {
    super(
      `${command} was refused, since this is under way: ${running}. ` +
        `Only one command is carried out at a time: try again when it has ended.`,
    )
  }
}

/** The cluster is being stopped. */
export class ClusterStoppingError extends TroupeError {
  readonly code = 'CLUSTER_STOPPING'

  constructor() {
    super('The cluster is being stopped, and commands with it. Start it again first.')
  }
}

/** Settings were changed that a running cluster can't take over. */
export class ReloadRefusedError extends TroupeError {
  readonly code = 'RELOAD_REFUSED'
  /** As in the configuration file: `listen.port`. */
  readonly keys: readonly string[]

  constructor(keys: readonly string[], advice: string) {
    super(`These can't change in a running cluster: ${keys.join(', ')}. Nothing was changed. ${advice}`)
    this.keys = keys
  }
}

/** The new code does not start: everything is as it was. The cause says why. */
export class ReloadFailedError extends TroupeError {
  readonly code = 'RELOAD_FAILED'

  constructor(webServer: string, cause: Error) {
    super(
      'Nothing was changed: all web servers are those from before. Mend it and reload again. ' +
        `The first web server with the new code and configuration, to replace ${webServer}, failed: ${cause.message}`,
      { cause },
    )
  }
}

/** One web server that gave way to another. */
export interface Replacement {
  readonly from: string
  readonly to: string
}

/** A reload ended half way: all sessions are served, by new and by old web servers. The cause says why. */
export class ReloadIncompleteError extends TroupeError {
  readonly code = 'RELOAD_INCOMPLETE'
  readonly replaced: readonly Replacement[]
  /** Web servers that still run what they were started with. */
  readonly unchanged: readonly string[]

  constructor(replaced: readonly Replacement[], unchanged: readonly string[], cause: Error) {
    super(
      `The reload ended half way: new are ${replaced.map(({ to }) => to).join(', ')}; as before are ` +
        `${unchanged.join(', ')}. All sessions are served. Mend it and reload again. It ended with: ${cause.message}`,
      { cause },
    )
    this.replaced = replaced
    this.unchanged = unchanged
  }
}

/** A web server that was to be added does not start: there are as many as before. The cause says why. */
export class ScaleFailedError extends TroupeError {
  readonly code = 'SCALE_FAILED'

  constructor(count: number, cause: Error) {
    super(
      `The number of web servers was not changed to ${count}, since one failed to start: ${cause.message} ` +
        'Mend that and scale again.',
      {
        cause,
      },
    )
  }
}

/** So many web servers can't be. */
export class ScaleRangeError extends TroupeError {
  readonly code = 'SCALE_RANGE'

  constructor(found: unknown, min: number, max: number) {
    super(
      `Found ${String(found)} as the number of web servers, expected a whole number from ${min} to ${max}. ` +
        'Where webServers.autoscale is set, its bounds are meant: change them by a reload.',
    )
  }
}

/** Nobody would be left to serve. */
export class LastWebServerError extends TroupeError {
  readonly code = 'LAST_WEB_SERVER'

  constructor(name: string, options: TroupeErrorOptions = {}) {
    super(`${name} is the only web server: add another by scale first, or stop the cluster.`, options)
  }
}
