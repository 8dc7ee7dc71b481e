/** The session secret of a machine that has none configured: made once, kept in a file. */
import { randomBytes } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { LoadedConfig } from '../config/load.js'
import type { Config } from '../config/schema.js'
import { TroupeError } from '../errors.js'

/** `session.secretFile` can't be read or made, or holds no secret. */
export class SecretFileError extends TroupeError {
  readonly code = 'SECRET_FILE'
}

/** As long as the output of the HMAC that it keys. */
const SECRET_BYTES = 32
/** As in the configuration: shorter ones can be guessed from one signed cookie. */
const SECRET_CHARACTERS_MIN = 16

/** @returns the configuration with the file's secret, when it names one; the file is made if need be. @throws SecretFileError */
export async function withSecretOfFile({ config, secretFile }: LoadedConfig): Promise<Config> {
  if (secretFile === null) return config
  const secret = await readOrMake(secretFile).catch((cause: unknown) => {
    throw new SecretFileError(
      `session.secretFile: ${secretFile} can't be read or made (${(cause as NodeJS.ErrnoException).code}). ` +
        'Give a path in a folder that this user may write, or set session.secret.',
      { cause },
    )
  })
  if (secret.length < SECRET_CHARACTERS_MIN) {
    throw new SecretFileError(
      `session.secretFile: ${secretFile} holds ${secret.length} characters, expected at least ` +
        `${SECRET_CHARACTERS_MIN}. Remove it to have a new one made; sessions of now then end.`,
    )
  }
  return { ...config, session: { ...config.session, secrets: [secret] } }
}

async function readOrMake(path: string): Promise<string> {
  await makeSecretFile(path)
  return (await readFile(path, 'utf8')).trim()
}

/** Makes the file, for this user only. @returns whether it was not there @throws the system's error */
export async function makeSecretFile(path: string): Promise<boolean> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const made = `${randomBytes(SECRET_BYTES).toString('base64url')}\n`
  try {
    await writeFile(path, made, { mode: 0o600, flag: 'wx', flush: true })
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    return false
  }
}
