/** A file as it was read and as it is to be; undefined where there is none. Paths are absolute. */
export interface FileChange {
  readonly path: string;
  readonly before: string | undefined;
  readonly after: string | undefined;
}
