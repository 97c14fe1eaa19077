"""What the admin pages of every app share: lists that stay quick, confirm pages, pages of long work, words."""
