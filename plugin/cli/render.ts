export async function render(_args: readonly string[]): Promise<number> {
  return 2;
}
