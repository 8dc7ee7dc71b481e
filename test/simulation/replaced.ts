/** Replaces a method of a class for a while, so that every object of it behaves differently. */

type Method = (...args: never[]) => unknown
type MethodsOf<Class> = { [Name in keyof Class]: Class[Name] extends Method ? Name : never }[keyof Class]
type WithThis<Class, Call> = Call extends (...args: infer Args) => infer Result
  ? (this: Class, ...args: Args) => Result
  : never

/**
 * @param prototype of the class
 * @param make given the original, makes what stands in for it
 * @returns puts the original back
 */
export function replaced<Class extends object, Name extends MethodsOf<Class>>(
  prototype: Class,
  name: Name,
  make: (original: WithThis<Class, Class[Name]>) => WithThis<Class, Class[Name]>,
): () => void {
  const original = prototype[name]
  Object.defineProperty(prototype, name, {
    value: make(original as WithThis<Class, Class[Name]>),
    ...{ configurable: true, writable: true },
  })
  return () => {
    Object.defineProperty(prototype, name, { value: original, configurable: true, writable: true })
  }
}

/** The same for what is read. @returns puts the original back */
export function replacedGetter<Class extends object, Name extends keyof Class>(
  prototype: Class,
  name: Name,
  get: (this: Class) => Class[Name],
): () => void {
  const original = Object.getOwnPropertyDescriptor(prototype, name)
  if (original === undefined) throw new RangeError(`${String(name)} is not read from this class itself`)
  Object.defineProperty(prototype, name, { ...original, get })
  return () => {
    Object.defineProperty(prototype, name, original)
  }
}
