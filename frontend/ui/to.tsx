// Words as a link to somewhere outside, where there is an address. Not for: links within the page (route.ts).

export function To({ url, words, look }: { url: string | null; words: string; look?: string }) {
  if (!url) return <bdi>{words}</bdi>;
  return (
    <a href={url} class={look} rel="noopener noreferrer nofollow ugc">
      <bdi>{words}</bdi>
    </a>
  );
}
