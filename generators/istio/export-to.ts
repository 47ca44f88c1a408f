/** Where an object is seen. Istio refuses `.` beside the name of the object's own namespace, which means the same. */
export function makeExportTo(written: readonly string[] | undefined, namespace: string): readonly string[] | undefined {
  return written?.includes(".") ? written.filter((each) => each !== namespace) : written;
}
