/** What a snippet is to ask for: the request that the page has made. */

export interface SnippetRequest {
  /** Where the service is, absolute: `https://example.com/quintet`. A slash at its end makes no difference. */
  readonly baseUrl: string;
  /** A file by its name, or by its path below the folder that was dropped; or a picture by its address. */
  readonly picture: { readonly name: string } | { readonly url: string };
  /** As the request had them, by their names in the API; what is undefined was not asked for. */
  readonly options: SnippetOptions;
  /** Whether the service asks for a key. */
  readonly needsKey: boolean;
}

export interface SnippetOptions {
  readonly model?: string | undefined;
  readonly top_k?: number | undefined;
  readonly min_score?: number | undefined;
  readonly explain?: boolean | undefined;
}

type OptionValue = string | number | boolean;

/** Seconds that the service is asked to keep the request open; what takes longer is asked for again. */
export const waitSeconds = 30;

/** Those that the request has, in their order. */
export function givenOptions({ options }: Pick<SnippetRequest, 'options'>): [string, OptionValue][] {
  return Object.entries(options).filter((entry): entry is [string, OptionValue] => entry[1] !== undefined);
}

export function endpointOf({ baseUrl }: Pick<SnippetRequest, 'baseUrl'>): string {
  return baseUrl.replace(/\/+$/, '');
}
