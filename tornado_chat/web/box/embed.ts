// What a site's one tag runs: puts the box into the page. Written over by the embedding's own work.
export {};
