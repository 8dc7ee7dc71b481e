/** The JSON schema of configuration files, for editors: committed as config/schema.json. */
import { z } from 'zod'
import { configFile } from './file-format.js'

/** @returns the schema of what users write, as draft 2020-12. */
export function configJsonSchema(): object {
  return { title: 'Troupe configuration', ...z.toJSONSchema(configFile, { io: 'input' }) }
}
