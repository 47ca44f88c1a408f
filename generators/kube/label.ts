/** Keys and values of labels that Kubernetes takes; annotations have the same keys. */
export const labelKey = /^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
export const labelValue = /^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/;

/** Whether a label can select something: a key whose prefix is a domain name, and a value that is not empty. */
export function isLabel(key: string, value: string): boolean {
  return labelKey.test(key) && !/(\.\.|\.-|-\.).*\//.test(key) && value !== "" && labelValue.test(value);
}
