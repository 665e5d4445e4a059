/** Which lines a reader wants: by source, process and pattern. Patterns are RE2: linear in the line. */
