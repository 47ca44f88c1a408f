/** What `istiomize explain` says of an object: each setting with its chain of sources, each field with where it comes from. */
export { explainObject, findObjects, type Topic } from "./explain/object.ts";
export { FieldSources, type Run } from "./explain/sources.ts";
export type { Explanation, ExplainedObject, Field, Level, Note, Resolved, SourcedField } from "./explain/explanation.ts";
