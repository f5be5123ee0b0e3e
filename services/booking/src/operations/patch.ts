export type WithoutUndefined<P> = { [K in keyof P]?: Exclude<P[K], undefined> };

/** A patch without the fields that were left out. */
export const definedOf = <P extends object>(patch: P): WithoutUndefined<P> => {
  const given: WithoutUndefined<P> = {};
  for (const key in patch) {
    const value = patch[key];
    if (isDefined(value)) given[key] = value;
  }
  return given;
};

const isDefined = <T>(value: T): value is Exclude<T, undefined> => value !== undefined;
