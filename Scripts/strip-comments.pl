# Leaves out the comments on lines of their own: `perl -0p Scripts/strip-comments.pl FILE.js`, with `-0pi` in place.
s|^[ \t]*/\*\*(?:(?!\*/).)*\*/[ \t]*\n||gms;
s|^[ \t]*//.*\n||gm;
