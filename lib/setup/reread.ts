/** Reads a configuration once more, for a reload. */
import type { LoadedConfig } from '../config/load.js'
import type { Config } from '../config/schema.js'
import { checkApp } from './preflight.js'
import { withSecretOfFile } from './secret-file.js'

/**
 * @param load reads it, as the first time
 * @param first what came of it then
 * @returns reads it once more, and looks for what it names. @throws as the first time
 */
export function rereading(load: () => Promise<LoadedConfig>, first: Config): () => Promise<Config> {
  return async () => {
    const loaded = await load()
    await checkApp(loaded.config)
    const config = await withSecretOfFile(loaded)
    if (!loaded.hasRandomSecret) return config
    // One that was drawn stays as long as the process: nobody has asked for another.
    return { ...config, session: { ...config.session, secrets: first.session.secrets } }
  }
}
